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
// from then on it runs as usual. It also lets the program's own pages go that starting has touched, and with every collection those
// touched since. A command that ends soon calls it, and settle when it ends.
func pace() *pacer {
	p := &pacer{pages: programPages(), percent: debug.SetGCPercent(-1), limit: debug.SetMemoryLimit(-1)}
	p.letGo()
	if p.percent < 0 || p.percent > 100 || p.limit < smallMemory { // somebody chose with GOGC or GOMEMLIMIT, who knows better
		p.settle()
		return p
	}
	debug.SetMemoryLimit(smallMemory)
	p.await()
	return p
}

// pacer is the settings to go back to.
type pacer struct {
	pages   []span // of the program's own file
	percent int
	limit   int64

	mu      sync.Mutex
	settled bool
}

// letGo gives up the program's own pages. Between two phases of the work few of those that the first needed are needed by the second.
func (p *pacer) letGo() { letGo(p.pages) }

// await has the next collection looked at.
func (p *pacer) await() {
	runtime.AddCleanup(new([16]byte), func(p *pacer) { p.collected() }, p)
}

// collected goes back to the settings where what is in use leaves too little room.
func (p *pacer) collected() {
	p.letGo()
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

// settle puts things back.
func (p *pacer) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settled {
		p.settled = true
		debug.SetMemoryLimit(p.limit)
		debug.SetGCPercent(p.percent)
	}
}
