package rules

import (
	"encoding/binary"
	"slices"
)

// sieve sorts the changes of a plan for every definition with a guard: those of one sort are alike in all that the guard reads. A
// definition for which hardly two changes are alike is left without sorts.
func (p *plannedChanges) sieve(all []*inquiry) {
	byType := map[string]*sieve{}
	for kind := range p.byType {
		byType[kind] = newSieve(all, kind)
	}
	sorters := make([]map[*sieve]*sorter, maxWorkers())
	for i := range sorters {
		sorters[i] = map[*sieve]*sorter{}
	}
	parallelChunks(len(p.texts), func(worker, i int) {
		s := byType[p.types[i]]
		if len(s.inquiry) == 0 {
			return
		}
		sorter := sorters[worker][s]
		if sorter == nil {
			sorter = s.sorter()
			sorters[worker][s] = sorter
		}
		sorter.put(i, p.texts[i])
	})
	hopeless := map[*inquiry]bool{}
	for _, ofWorker := range sorters {
		for s, sorter := range ofWorker {
			for i, a := range s.inquiry {
				hopeless[a] = hopeless[a] || sorter.hopeless(i)
				a.sorts = append(a.sorts, sorter.sorts[i]...)
			}
		}
	}
	for _, a := range all {
		if hopeless[a] || 2*len(a.sorts) > len(a.changes) {
			a.sorts = nil
		}
	}
}

// sieve is what the guards of the definitions that look at one type read of a change.
type sieve struct {
	inquiry []*inquiry
	plan    *sharePlan
}

func newSieve(all []*inquiry, kind string) *sieve {
	s := &sieve{plan: &sharePlan{}}
	s.plan.root = s.plan.node()
	for _, a := range all {
		if a.guard != nil && (a.types == nil || slices.Contains(a.types, kind)) {
			s.inquiry = append(s.inquiry, a)
			s.plan.rules = append(s.plan.rules, s.plan.add(s.plan.root, a.guard.reads, []int{}))
		}
	}
	return s
}

// sorter is one worker's part of the work for a sieve.
type sorter struct {
	*shareMemory
	sorts  [][]sameChanges // by definition
	places []map[string]int
	seen   int // changes
	failed bool
}

func (s *sieve) sorter() *sorter {
	out := &sorter{
		shareMemory: &shareMemory{plan: s.plan, ids: map[string]uint32{}, tokens: make([]uint32, s.plan.tokens)},
		sorts:       make([][]sameChanges, len(s.inquiry)), places: make([]map[string]int, len(s.inquiry)),
	}
	for i := range out.places {
		out.places[i] = map[string]int{}
	}
	return out
}

// put sorts a change.
func (s *sorter) put(change int, text []byte) {
	if s.failed {
		return
	}
	clear(s.tokens)
	if len(s.ids) > maxTokens || !s.value(s.plan.root, text) {
		s.failed = true
		return
	}
	s.seen++
	for i := range s.sorts {
		if s.places[i] == nil {
			continue
		}
		s.key = s.key[:0]
		for _, token := range s.plan.rules[i] {
			s.key = binary.LittleEndian.AppendUint32(s.key, s.tokens[token])
		}
		place, known := s.places[i][string(s.key)]
		if !known {
			place = len(s.sorts[i])
			s.places[i][string(s.key)] = place
			s.sorts[i] = append(s.sorts[i], sameChanges{})
		}
		s.sorts[i][place].changes = append(s.sorts[i][place].changes, change)
		if s.seen >= triedEnough && len(s.sorts[i])*4 > s.seen*3 {
			s.places[i] = nil // nearly every change is of a sort of its own: the definition may as well be asked about all
		}
	}
}

func (s *sorter) hopeless(i int) bool { return s.failed || s.places[i] == nil }
