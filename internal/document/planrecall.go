package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/recall"
)

// A change that is still in a plan byte for byte has been checked before, and what rules said about it alone they would say again:
// see package recall. A change is bare when its document may come without values, because no other document is made of it.

// recallContext digests what the documents of changes are made of besides the changes.
func (p *plan) recallContext(tagger *recall.Tagger) [32]byte {
	var tags []byte
	for _, part := range [][]byte{p.version, p.configuration, p.variables} {
		tag := tagger.Tag(part)
		tags = append(binary.BigEndian.AppendUint64(tags, uint64(len(part))), tag[:]...)
	}
	return sha256.Sum256(tags)
}

// one reports whether a plan that was handed in is all there is to read.
func (r *terraformRun) one() bool {
	return len(r.options.Plans) == 1 && len(r.head.Paths()) == 0 && r.base == nil
}

func (r *terraformRun) remembers() bool { return r.options.Remember != nil && r.one() }

// recollection is a memory and what reads its tags.
type recollection struct {
	*recall.Memory
	tagger *recall.Tagger
}

func (r *terraformRun) recollection() *recollection {
	if !r.remembers() || r.options.Recall == nil {
		return nil
	}
	return &recollection{r.options.Recall, r.options.Remember}
}

// remember makes ready to note what is read, and to leave out the values of what is recalled.
func (r *planReader) remember(known *recollection, tagger *recall.Tagger) {
	r.noted = &recall.Memory{
		Size: len(r.plan.data), Context: r.plan.recallContext(tagger), Changes: make([]recall.Change, len(r.plan.changed)),
	}
	r.recalled, r.tagger = make([]int, len(r.plan.changed)), tagger
	if known != nil && known.Context == r.noted.Context {
		r.recall = known.Memory
	}
}

// resolveReferences resolves those of the configuration that the documents of changes name: all, but for those of changes that are
// recalled. Where references lead back to themselves, what is found hangs on the order, and all are resolved in theirs.
func (r *planReader) resolveReferences(items [][]byte) {
	if r.recall == nil || !r.recall.Direct || len(r.plan.waiting) > 0 {
		r.config.resolveReferences()
	} else {
		for i, at := range r.plan.changed {
			if at.recalled > 0 && r.recall.Changes[at.recalled-1].Bare {
				continue
			}
			r.config.resolveReferencesOf(text(cutChange(items[i]).address))
		}
	}
	if r.noted != nil {
		r.noted.Direct = !r.config.circular && !r.config.overflow()
	}
}

// bare fills in the document of a change that is recalled; false: it must be made.
func (r *planReader) bare(doc *gate.Document, i int) bool {
	number := r.plan.changed[i].recalled
	if r.recall == nil || number == 0 || !r.recall.Changes[number-1].Bare {
		return false
	}
	known := &r.recall.Changes[number-1]
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
	if r.recall != nil && at.recalled > 0 {
		r.noted.Changes[i] = r.recall.Changes[at.recalled-1]
	} else {
		text := r.plan.data[at.start:at.end]
		r.noted.Changes[i] = recall.Change{Size: len(text), Lines: bytes.Count(text, []byte{'\n'}), Tag: r.tagger.Tag(text)}
	}
	c := &r.noted.Changes[i]
	c.Offset, c.Bare, c.Answer = at.start-list[0].start, true, nil
	c.Type, c.Name, c.Resource, c.Actions = doc.Type, doc.Name, doc.Resource, doc.Actions
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
		if c := &r.Recall.Changes[i]; len(made) > 0 && made[c.Resource] {
			c.Bare = false
		}
	}
}

// recaller finds recalled changes in a list, from its start and from its middle at once.
type recaller struct {
	*scanner
	tagger  *recall.Tagger
	changes []recall.Change
	next    int // of changes, expected next

	unknowns int // changes in a row that were not recalled

	ahead []span // found from the middle on
	done  chan struct{}
}

// recaller begins to look for changes of the recall in the list that starts at a place.
func (s *scanner) recaller(known *recollection, start int) *recaller {
	r := &recaller{scanner: s, done: make(chan struct{})}
	if known == nil {
		close(r.done)
		return r
	}
	r.changes, r.tagger = known.Changes, known.tagger
	go func() {
		defer close(r.done)
		middle := len(r.changes) / 2
		if middle == 0 {
			return
		}
		at := start + r.changes[middle].Offset
		// Where the first half has grown or shrunk, the second has moved with the end of the plan.
		for _, i := range []int{at, at + len(s.data) - known.Size} {
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
	return r.tagger.Tag(r.data[i:i+c.Size]) == c.Tag
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
