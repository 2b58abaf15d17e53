#include <gperftools/malloc_extension.h>
#include <cstdio>
#include <cstdlib>
#include <string>
#define KEEP __attribute__((noinline))
static void *volatile sink;
KEEP void small_nodes(int n) { for (int i = 0; i < n; i++) { void **p = (void **)malloc(48); *p = sink; sink = p; } }
KEEP void pages(int n) { for (int i = 0; i < n; i++) { void **p = (void **)malloc(4096); *p = sink; sink = p; } }
KEEP void images(int n) { for (int i = 0; i < n; i++) { void **p = (void **)malloc(3 << 20); *p = sink; sink = p; } }
KEEP void mixed(int n) { for (int i = 0; i < n; i++) { void **p = (void **)malloc(i % 10 ? 64 : 65536); *p = sink; sink = p; } }
// gperftools begins to sample after its first 16 MiB.
KEEP void warm_up(int n) { for (int i = 0; i < n; i++) { sink = malloc(1 << 20); free(sink); } }
int main() {
  warm_up(64);
  sink = 0;
  small_nodes(300000); pages(5000); images(6); mixed(5000);
  std::string s; MallocExtension::instance()->GetHeapSample(&s); fputs(s.c_str(), stdout); return 0;
}
