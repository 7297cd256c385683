package judge

import (
	"fmt"
	"sync"
	"time"
)

// tellEvery is how often the parent is told what is being done. Telling it everything would take longer than doing it.
const tellEvery = 10 * time.Millisecond

// watch implements [Watch]: it tells the parent what has been going on for longest.
type watch struct {
	tell func(what string)
	stop chan struct{}
	done chan struct{}

	mu    sync.Mutex
	step  string
	tasks map[int]task // what several goroutines are at
	last  int          // number of the last task
	told  string
	at    time.Time // when it was told
}

// task is a file that is read, or a resource that rules judge.
type task struct {
	since          time.Time
	resource, file string
	rules          fmt.Stringer
}

func (t task) String() string {
	switch {
	case t.rules == nil:
		return "reading " + t.file
	case t.resource == "":
		return fmt.Sprintf("judging %s with %s", t.file, t.rules)
	}
	return fmt.Sprintf("judging %s in %s with %s", t.resource, t.file, t.rules)
}

func newWatch(tell func(what string)) *watch {
	w := &watch{tell: tell, stop: make(chan struct{}), done: make(chan struct{}), tasks: map[int]task{}}
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.done)
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.mu.Lock()
			w.say()
			w.mu.Unlock()
		case <-w.stop:
			return
		}
	}
}

func (w *watch) close() {
	close(w.stop)
	<-w.done
}

// Step implements [Watch].
func (w *watch) Step(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step, w.tasks = what, map[int]task{}
	w.say()
}

// File implements [Watch].
func (w *watch) File(name string) func() {
	number := w.begin(task{file: name})
	return func() { w.End(number) }
}

// Begin implements [rules.Watcher].
func (w *watch) Begin(resource, file string, rules fmt.Stringer) int {
	return w.begin(task{resource: resource, file: file, rules: rules})
}

// begin tells of a task at once when nothing was told for a while: it may be the last one, and over before the clock ticks.
func (w *watch) begin(t task) int {
	t.since = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	w.tasks[w.last] = t
	if t.since.Sub(w.at) > tellEvery {
		w.say()
	}
	return w.last
}

// End implements [rules.Watcher].
func (w *watch) End(number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tasks, number)
}

// say tells what has been going on for longest; the lock is held.
func (w *watch) say() {
	what, since := w.step, time.Time{}
	for _, t := range w.tasks {
		if since.IsZero() || t.since.Before(since) {
			since = t.since
		}
	}
	for _, t := range w.tasks {
		if t.since.Equal(since) {
			what = t.String()
		}
	}
	if w.at = time.Now(); what != w.told {
		w.told = what
		w.tell(what)
	}
}
