package document

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Recall is what reading a plan found out about its resource changes, for the next reading of nearly the same plan: a change that is
// still there byte for byte has been checked before, and what rules said about it alone they would say again.
type Recall struct {
	Size    int      // of the plan in bytes
	Context [32]byte // digest of all else in the plan that the documents of its changes are made of
	Changes []RecalledChange
}

// RecalledChange is one element of resource_changes, in their order.
type RecalledChange struct {
	Offset   int           // from the start of the list
	Size     int           // in bytes
	Digest   [32]byte      // SHA-256 of its text
	Bare     bool          // its document may come without values: no other document is made of it
	Document gate.Document // its Type, Name, Resource and Actions; nothing else
}

// recallContext digests what the documents of changes are made of besides the changes.
func (p *plan) recallContext() (digest [32]byte) {
	h := sha256.New()
	for _, part := range [][]byte{p.version, p.configuration, p.variables} {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = h.Write(part)
	}
	h.Sum(digest[:0])
	return digest
}

// one reports whether a plan that was handed in is all there is to read.
func (r *terraformRun) one() bool {
	return len(r.options.Plans) == 1 && len(r.head.Paths()) == 0 && r.base == nil
}

func (r *terraformRun) remembers() bool { return r.options.Remember && r.one() }

func (r *terraformRun) recall() *Recall {
	if !r.remembers() {
		return nil
	}
	return r.options.Recall
}

// remember makes ready to note what is read, and to leave out the values of what is recalled.
func (r *planReader) remember(recall *Recall) {
	r.noted = &Recall{Size: len(r.plan.data), Context: r.plan.recallContext(), Changes: make([]RecalledChange, len(r.plan.changed))}
	r.recalled = make([]int, len(r.plan.changed))
	if recall != nil && recall.Context == r.noted.Context {
		r.recall = recall
	}
}

// bare fills in the document of a change that is recalled; false: it must be made.
func (r *planReader) bare(doc *gate.Document, i int) bool {
	number := r.plan.changed[i].recalled
	if r.recall == nil || number == 0 || !r.recall.Changes[number-1].Bare {
		return false
	}
	known := &r.recall.Changes[number-1].Document
	doc.Kind, doc.Type, doc.Name, doc.Resource, doc.Actions = gate.KindTerraform, known.Type, known.Name, known.Resource, known.Actions
	r.recalled[i] = number
	return true
}

// note keeps of a change what the next reading can recall.
func (r *planReader) note(doc *gate.Document, i int) {
	if r.noted == nil {
		return
	}
	list := r.plan.changed
	at := list[i]
	c := &r.noted.Changes[i]
	c.Offset, c.Size, c.Bare = at.start-list[0].start, at.end-at.start, true
	if r.recall != nil && at.recalled > 0 {
		c.Digest = r.recall.Changes[at.recalled-1].Digest
	} else {
		c.Digest = sha256.Sum256(r.plan.data[at.start:at.end])
	}
	c.Document = gate.Document{Type: doc.Type, Name: doc.Name, Resource: doc.Resource, Actions: doc.Actions}
}

// settleRecall marks the changes whose documents others are made of: these need their values again.
func (b *builder) settleRecall() {
	r := &b.result
	if r.Recall == nil {
		return
	}
	made := map[string]bool{}
	for i := len(r.Recall.Changes); i < len(r.Documents); i++ {
		if r.Documents[i].Kind != gate.KindTerraform {
			made[r.Documents[i].Resource] = true
		}
	}
	for i := range r.Recall.Changes {
		if c := &r.Recall.Changes[i]; len(made) > 0 && made[c.Document.Resource] {
			c.Bare = false
		}
	}
}

// recaller finds recalled changes in a list, from its start and from its middle at once.
type recaller struct {
	*scanner
	changes []RecalledChange
	next    int // of changes, expected next

	unknowns int // changes in a row that were not recalled

	ahead []span // found from the middle on
	done  chan struct{}
}

// recaller begins to look for changes of the recall in the list that starts at a place.
func (s *scanner) recaller(recall *Recall, start int) *recaller {
	r := &recaller{scanner: s, done: make(chan struct{})}
	if recall == nil {
		close(r.done)
		return r
	}
	r.changes = recall.Changes
	go func() {
		defer close(r.done)
		middle := len(r.changes) / 2
		if middle == 0 {
			return
		}
		at := start + r.changes[middle].Offset
		// Where the first half has grown or shrunk, the second has moved with the end of the plan.
		for _, i := range []int{at, at + len(s.data) - recall.Size} {
			if r.ahead = r.run(i, middle); len(r.ahead) > 0 {
				return
			}
		}
	}()
	return r
}

// run gives the elements from a place on that are the recalled ones from a number on, one after the other.
func (r *recaller) run(i, number int) (list []span) {
	for ; number < len(r.changes) && r.is(i, number); number++ {
		end := i + r.changes[number].Size
		list = append(list, span{i, end, number + 1})
		if i = r.space(end); i >= len(r.data) || r.data[i] != ',' {
			return list
		}
		i = r.space(i + 1)
	}
	return list
}

// is reports whether the text at a place is the recalled change of a number. Only objects are: of a number or a word, what
// follows could be more.
func (r *recaller) is(i, number int) bool {
	c := &r.changes[number]
	if i < 0 || c.Size <= 0 || i+c.Size > len(r.data) || r.data[i] != '{' {
		return false
	}
	return sha256.Sum256(r.data[i:i+c.Size]) == c.Digest
}

// Bounds on looking for changes that stand elsewhere than expected.
const (
	maxMissed   = 3  // recalled changes that may be gone at one place
	maxUnknowns = 64 // new changes in a row, after which this is taken for another plan
)

// at gives recalled changes that stand at a place, as many as were found to follow each other; none when another one stands there.
func (r *recaller) at(i int) []span {
	for step := range maxMissed + 1 {
		number := r.next + step
		if step == maxMissed {
			number = r.next - 1 // one was put in before it
		}
		if number < 0 || number >= len(r.changes) {
			continue
		}
		if number == len(r.changes)/2 && number > 0 {
			if <-r.done; len(r.ahead) > 0 && r.ahead[0].start == i {
				r.next, r.unknowns = r.ahead[len(r.ahead)-1].recalled, 0
				return r.ahead
			}
		}
		if r.is(i, number) {
			r.next, r.unknowns = number+1, 0
			return []span{{i, i + r.changes[number].Size, number + 1}}
		}
	}
	r.next++ // most often a changed one stands where the expected one stood
	if r.unknowns++; r.unknowns > maxUnknowns {
		r.next = len(r.changes) + 1
	}
	return nil
}
