package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// The collector's settings are the process's own, so this test is alone with them.
func TestPacePutsTheCollectorBack(t *testing.T) { //nolint:paralleltest // it looks at settings of the whole process
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	pace().settle()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("the collector runs at %d %%; wanted: 100", got)
	}
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("the memory limit is %d; wanted: %d", got, limit)
	}
	debug.SetGCPercent(400)
	pace().settle()
	if got := debug.SetGCPercent(100); got != 400 {
		t.Errorf("the collector runs at %d %% where somebody had chosen 400", got)
	}
}

// A command that really uses much gets the collector's own settings back before it ends.
func TestPaceGivesWay(t *testing.T) { //nolint:paralleltest // it looks at settings of the whole process
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	p := &pacer{percent: 100, limit: debug.SetMemoryLimit(-1)}
	held := make([]byte, smallMemory)
	runtime.GC() // so that what is held counts as in use
	p.collected()
	runtime.KeepAlive(held)
	if !p.settled {
		t.Error("the collector is still held back")
	}
}
