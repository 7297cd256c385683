package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// smallMemory is the memory, in bytes, that a short command may use before it collects garbage: collecting a small heap again and
// again while it grows costs more time than the memory is worth.
const smallMemory = 88 << 20

// pace lets the garbage collector run only when the memory reaches smallMemory, until more than two thirds of that are really in use;
// from then on it runs as usual. A command that ends soon calls it; the function that it returns puts things back.
func pace() (stop func()) {
	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(-1)
	if percent < 0 || percent > 100 || limit < smallMemory { // somebody chose with GOGC or GOMEMLIMIT, who knows better
		debug.SetGCPercent(percent)
		return func() {}
	}
	debug.SetMemoryLimit(smallMemory)
	p := &pacer{percent: percent, limit: limit}
	p.await()
	return p.settle
}

// pacer is the settings to go back to.
type pacer struct {
	percent int
	limit   int64

	mu      sync.Mutex
	settled bool
}

// await has the next collection looked at.
func (p *pacer) await() {
	runtime.AddCleanup(new([16]byte), func(p *pacer) { p.collected() }, p)
}

// collected goes back to the settings where what is in use leaves too little room.
func (p *pacer) collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 || live[0].Value.Uint64() > smallMemory*2/3 {
		p.settle()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settled {
		p.await()
	}
}

func (p *pacer) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settled {
		p.settled = true
		debug.SetMemoryLimit(p.limit)
		debug.SetGCPercent(p.percent)
	}
}
