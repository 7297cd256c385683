package document

// Limits end the reading of input that would cost too much. A limit that is zero is its default; each one that is met becomes a
// problem of code "limit" that names the file, the value and the limit.
type Limits struct {
	Plan      int64 // bytes of one plan file; 64 MiB
	Manifest  int64 // bytes of one manifest file; 8 MiB
	Depth     int   // how deep values may nest in one file; 200
	Documents int   // documents of everything together; 50,000
	Objects   int   // YAML or JSON documents of one manifest file, the items of lists counted; 10,000
	Aliases   int   // values of one manifest file that stand there only because an alias repeats them; 100,000
}

func (l Limits) withDefaults() Limits {
	if l.Plan == 0 {
		l.Plan = 64 << 20
	}
	if l.Manifest == 0 {
		l.Manifest = 8 << 20
	}
	if l.Depth == 0 {
		l.Depth = 200
	}
	if l.Documents == 0 {
		l.Documents = 50_000
	}
	if l.Objects == 0 {
		l.Objects = 10_000
	}
	if l.Aliases == 0 {
		l.Aliases = 100_000
	}
	return l
}
