package cli

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// heapFloor is the heap, in bytes, below which a short command does not collect garbage: collecting a small heap again and again
// while it grows costs more time than the memory is worth.
const heapFloor = 72 << 20

// pace lets the heap grow to heapFloor before the garbage collector runs, and from then on as usual. A command that ends soon
// calls it; the function that it returns puts things back.
func pace() (stop func()) {
	before := debug.SetGCPercent(-1)
	if before < 0 || before > 100 { // somebody chose with GOGC, who knows better
		debug.SetGCPercent(before)
		return func() {}
	}
	limit := debug.SetMemoryLimit(-1)
	if limit < heapFloor {
		debug.SetGCPercent(before)
		return func() {}
	}
	debug.SetMemoryLimit(heapFloor)
	var once atomic.Bool
	settle := func() {
		if once.CompareAndSwap(false, true) {
			debug.SetMemoryLimit(limit)
			debug.SetGCPercent(before)
		}
	}
	// The first collection means that the floor has been reached.
	runtime.AddCleanup(new([16]byte), func(done func()) { done() }, settle)
	return settle
}
