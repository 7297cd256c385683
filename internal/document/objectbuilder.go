package document

// objectBuilder makes an object of keys that strangers chose: setting one costs the same however many there are.
type objectBuilder struct {
	v     *value
	index map[string]int
}

func newObject(line int) *objectBuilder {
	return &objectBuilder{v: &value{kind: objectKind, line: line}, index: map[string]int{}}
}

// set gives a key its value, be it new or there already.
func (o *objectBuilder) set(name string, line int, item *value) {
	at, ok := o.index[name]
	if !ok {
		o.index[name] = len(o.v.keys)
		o.v.keys, o.v.items = append(o.v.keys, key{name, line}), append(o.v.items, item)
		return
	}
	o.v.keys[at].line, o.v.items[at] = line, item
}

// get is the value of a key, nil when it is not there.
func (o *objectBuilder) get(name string) *value {
	at, ok := o.index[name]
	if !ok {
		return nil
	}
	return o.v.items[at]
}

// addAll sets all keys of an object.
func (o *objectBuilder) addAll(from *value) {
	if from == nil {
		return
	}
	for i, key := range from.keys {
		o.set(key.name, key.line, from.items[i])
	}
}

// jsonSize is about how many bytes a value has as JSON. It stops counting above most, for a value in which aliases repeat others can
// have far more bytes than the text that it was read from.
func jsonSize(v *value, most int) int {
	size := len(v.text) + 2
	for i := range v.keys {
		size += len(v.keys[i].name) + 4
	}
	for _, item := range v.items {
		if size > most {
			return size
		}
		size += jsonSize(item, most-size)
	}
	return size
}
