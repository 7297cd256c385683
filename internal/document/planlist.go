package document

import "bytes"

// span is an element of a list: from start up to end.
type span struct {
	start, end int
	recalled   int // number of the change in the recall, from 1; 0: it is not there
}

// The list of changes is most of a large plan. It is checked from two places at once: from its start, and from what looks like the
// start of one of its elements in the middle. What was checked from there on counts when the first check arrives at exactly that
// place as the start of an element; else it is done again.

// listReader checks lists of a plan and notes their elements.
type listReader struct {
	*scanner
	from  int // where the second check begins; 0: there is none
	done  chan struct{}
	quit  chan struct{}
	ahead []span // what it has checked, until the list's end
	whole bool   // it has reached that end
}

// aheadSize is the size from which a plan is checked from two places.
const aheadSize = 1 << 20

// newListReader reads the lists of a plan; once: only from their start.
func newListReader(s *scanner, once bool) *listReader {
	l := &listReader{scanner: s, done: make(chan struct{}), quit: make(chan struct{})}
	if len(s.data) >= aheadSize && !once {
		l.from = middleChange(s.data)
	}
	if l.from == 0 {
		close(l.done)
		return l
	}
	go func() {
		defer close(l.done)
		l.ahead, l.whole = l.rest(l.from)
	}()
	return l
}

// stop ends the second check, which may be of no use.
func (l *listReader) stop() {
	close(l.quit)
	<-l.done
}

// middleChange is the start of what looks like a resource change, not before the middle of the text; 0: nothing does.
func middleChange(data []byte) int {
	at := len(data) / 2
	for range 2 { // the element that the middle is in, and the one after it
		change := bytes.Index(data[at:], []byte(`"change":`))
		if change < 0 {
			return 0
		}
		at += change
		next := bytes.Index(data[at:], []byte(`},{"address":`))
		if next < 0 {
			return 0
		}
		at += next + len(`},`)
		end := bytes.Index(data[at:], []byte(`},{"address":`))
		if end > 0 && bytes.Contains(data[at:at+end], []byte(`"change":`)) {
			return at
		}
	}
	return 0
}

// rest checks the elements of a list from the start of one of them to the last; false: this is no such place.
func (l *listReader) rest(i int) (list []span, whole bool) {
	for n := 0; ; n++ {
		if n%256 == 0 {
			select {
			case <-l.quit:
				return nil, false
			default:
			}
		}
		end, err := l.value(i, 2)
		if err != nil {
			return nil, false
		}
		list = append(list, span{i, end, 0})
		i = l.space(end)
		switch {
		case i < len(l.data) && l.data[i] == ']':
			return list, true
		case i < len(l.data) && l.data[i] == ',':
			i = l.space(i + 1)
		default:
			return nil, false
		}
	}
}

// read checks the list that starts at a place and gives its elements and where it ends. Elements of the recall, nil for none, have
// been checked before.
func (l *listReader) read(start int, known *recollection) (list []span, end int, err error) {
	i := l.space(start + 1)
	if i < len(l.data) && l.data[i] == ']' {
		return nil, i + 1, nil
	}
	recaller := l.recaller(known, i)
	defer func() { <-recaller.done }()
	for {
		if found := recaller.at(i); len(found) > 0 {
			list = append(list, found...)
			i = found[len(found)-1].end
		} else if i == l.from && l.joined() {
			list = append(list, l.ahead...)
			i = list[len(list)-1].end
		} else {
			end, err := l.value(i, 2)
			if err != nil {
				return nil, end, err
			}
			list = append(list, span{i, end, 0})
			i = end
		}
		i = l.space(i)
		switch {
		case i >= len(l.data):
			return nil, i, l.fail(i, "")
		case l.data[i] == ']':
			return list, i + 1, nil
		case l.data[i] != ',':
			return nil, i, l.fail(i, "a comma is expected")
		}
		i = l.space(i + 1)
	}
}

// joined waits for the second check and reports whether it came to the end of the list.
func (l *listReader) joined() bool {
	<-l.done
	return l.whole
}
