package rules

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// sameAsOPA reports how the decoder's answer differs from that of OPA's own, slower way.
func sameAsOPA(t *testing.T, d *decoder, src []byte) {
	t.Helper()
	got, err := d.decode(src)
	valid := json.Valid(src)
	if err != nil {
		if valid && !strings.Contains(err.Error(), "exponent") && !strings.Contains(err.Error(), "nests deeper") {
			t.Errorf("%s: %v", src, err)
		}
		return
	}
	if !valid && len(src) > 0 {
		t.Errorf("%q is not JSON and became %s", src, got)
		return
	}
	if len(src) == 0 {
		src = []byte("null")
	}
	want, err := ast.ValueFromReader(bytes.NewReader(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	if want.Compare(got.Value) != 0 || want.Hash() != got.Value.Hash() {
		t.Errorf("%s became %s; wanted %s", src, got, want)
	}
}

func decodeSeeds() []string {
	return []string{
		``, `null`, ` true `, `false`, `0`, `-0`, `-12.50e+3`, `1e5`, `123456789012345678901234567890`, `""`, `"a"`, `"\u00e4\n\"\\"`, `"\ud83d\ude00"`,
		`"\ud800"`, "\"\xff\"", `[]`, `[1,[2,[]],{}]`, `{}`, `{"a":1,"b":{"a":2},"a":3}`, `{"a":{"b":{"c":[{"d":null}]}}}`, "{\n\t\"x\" : [ 1 , 2 ]\r}",
		`{"a":1,}`, `[1,]`, `{"a"}`, `{"a":}`, `{a:1}`, `01`, `1.`, `.5`, `+1`, `1e`, `tru`, `nul`, `"a`, "\"a\nb\"", `"\x"`, `{"a":1}x`, `[`, `{`, `{"a":1`, `-`, `"\`,
		strings.Repeat("[", 300), `{"dup":1,"x":{"dup":{"dup":2,"dup":3}},"dup":[{"dup":1}]}`, `1e99999999`,
	}
}

func TestTheDecoderAgreesWithOPA(t *testing.T) {
	t.Parallel()
	d := newDecoder() // one for all: what it keeps must not leak from one document into the next
	for range 2 {
		for _, seed := range decodeSeeds() {
			sameAsOPA(t, d, []byte(seed))
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, seed := range decodeSeeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) { sameAsOPA(t, newDecoder(), src) })
}
