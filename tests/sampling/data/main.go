// A program whose allocations are known, and the heap profiles that Go writes of it.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
)

type node struct {
	next *node
	key  [6]uint64
}

var kept []interface{}

//go:noinline
func smallNodes(n int) *node { // 56 bytes: size class 64
	var head *node
	for i := 0; i < n; i++ {
		head = &node{next: head}
	}
	return head
}

//go:noinline
func pages(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = make([]byte, 4096)
	}
	return out
}

//go:noinline
func images(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = make([]byte, 3<<20)
	}
	return out
}

func inlined(n int) []byte { return make([]byte, n) }

//go:noinline
func scratch(n int) int {
	sum := 0
	for i := 0; i < n; i++ {
		b := inlined(32 << 10)
		sum += len(b)
		sink = b
	}
	return sum
}

var sink []byte

//go:noinline
func descend(depth int) [][]byte {
	if depth > 0 {
		return descend(depth - 1)
	}
	return pages(2000)
}

func write(name string, debug int) {
	f, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if err := pprof.Lookup("heap").WriteTo(f, debug); err != nil {
		panic(err)
	}
}

func main() {
	kept = append(kept, smallNodes(300000), pages(5000), images(6), descend(3))
	scratch(4000)
	sink = nil
	runtime.GC()
	runtime.GC()
	write("heap.pb.gz", 0)
	write("heap.txt", 1)
	runtime.KeepAlive(kept)
}
