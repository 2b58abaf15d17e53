/* Allocations of known sizes from known functions, for the heap profiles of C allocators. */
#include <stdlib.h>
#include <string.h>
#define KEEP __attribute__((noinline))
static void *volatile sink;
KEEP void small_nodes(int n) { for (int i = 0; i < n; i++) { void **p = malloc(48); *p = sink; sink = p; } }
KEEP void pages(int n) { for (int i = 0; i < n; i++) { void **p = malloc(4096); *p = sink; sink = p; } }
KEEP void images(int n) { for (int i = 0; i < n; i++) { void **p = malloc(3 << 20); *p = sink; sink = p; } }
KEEP void mixed(int n) { for (int i = 0; i < n; i++) { void **p = malloc(i % 10 ? 64 : 65536); *p = sink; sink = p; } }
KEEP void scratch(int n) { for (int i = 0; i < n; i++) free(memset(malloc(32768), 1, 8)); }
int main(void) { small_nodes(300000); pages(5000); images(6); mixed(5000); scratch(4000); return 0; }
