package document

import (
	"iter"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"
)

// sorted ranges over a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// parallel calls work with consecutive ranges that cover 0 to n, on as many processors as there are, and waits.
func parallel(n int, work func(from, to int)) { inChunks(n, 64, work) }

// each is parallel for work that is worth a goroutine's notice one by one.
func each(n int, work func(i int)) {
	inChunks(n, 1, func(from, _ int) { work(from) })
}

func inChunks(n, chunk int, work func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk)
	if workers <= 1 {
		for from := 0; from < n; from += chunk {
			work(from, min(from+chunk, n))
		}
		return
	}
	starts := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for from := range starts {
				work(from, min(from+chunk, n))
			}
		})
	}
	for from := 0; from < n; from += chunk {
		starts <- from
	}
	close(starts)
	group.Wait()
}

func appendStrings(out []byte, values []string) []byte {
	out = append(out, '[')
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, value)
	}
	return append(out, ']')
}

func appendInt(out []byte, n int) []byte { return strconv.AppendInt(out, int64(n), 10) }
