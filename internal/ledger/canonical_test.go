package ledger

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, want string }{
		// Sections 3.2.2 and 3.2.3 of RFC 8785, the numbers aside that no double keeps.
		"the example of RFC 8785": {
			`{"numbers": [1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`,
			`{"literals":[null,true,false],"numbers":[1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		"the sorting example of RFC 8785": {
			`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
		"space":             {" { \"b\" : [ 1 , 2 ] ,\n\"a\" : { } , \"c\" : [ ] }\n", `{"a":{},"b":[1,2],"c":[]}`},
		"nested sort":       {`[{"b":{"d":1,"c":2},"a":[{"z":1,"y":2}]}]`, `[{"a":[{"y":2,"z":1}],"b":{"c":2,"d":1}}]`},
		"a prefix first":    {`{"ab":1,"a":2,"":3}`, `{"":3,"a":2,"ab":1}`},
		"integers":          {`[0,-0,0.0,1.0,10e2,-5,100]`, `[0,0,0,1,1000,-5,100]`},
		"large integers":    {`[9007199254740993,18446744073709551615,123456789012345678901]`, `[9007199254740993,18446744073709551615,123456789012345678901]`},
		"from 1e21 on":      {`[1000000000000000000000,1e21,123e25]`, `[1e+21,1e+21,1.23e+27]`},
		"small":             {`[0.000001,0.0000001,1e-7,5e-324,0.1]`, `[0.000001,1e-7,1e-7,5e-324,0.1]`},
		"replacement rune":  {"[\"\ufffd\",\"\\ufffd\"]", "[\"\ufffd\",\"\ufffd\"]"},
		"no HTML escapes":   {`["\u003c\u0026\u2028\u007f"]`, "[\"<&\u2028\x7f\"]"},
		"a lone string":     {`"a"`, `"a"`},
		"a lone number":     {` 7`, `7`},
		"surrogates":        {`"\ud83d\ude00\\ud83d"`, `"😀\\ud83d"`},
		"escaped key order": {`{"\u0062":1,"a":2}`, `{"a":2,"b":1}`},
	} {
		got, err := CanonicalJSON([]byte(test.in))
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s %v\nwant %s", name, got, err, test.want)
			continue
		}
		if again, err := CanonicalJSON(got); err != nil || string(again) != test.want {
			t.Errorf("%s: not stable: %s %v", name, again, err)
		}
	}
}

// The doubles of RFC 8785, appendix B.
func TestDoublesOfRFC8785(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0", 0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992", 0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000", 0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23", 0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000", 0x444b1ae4d6e2ef50: "1e+21", 0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001", 0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333", 0x41b3de4355555556: "333333333.3333334", 0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		got, err := Canonical(math.Float64frombits(bits))
		if err != nil || string(got) != want {
			t.Errorf("%016x: got %s %v, want %s", bits, got, err, want)
		}
	}
}

func TestWhatHasNoCanonicalForm(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"too many digits":            `0.1000000000000000055511151231257827`,
		"a third":                    `[0.33333333333333333333333333]`,
		"a large integer in between": `1000000000000000000000001`,
		"out of range":               `1e400`,
		"below range":                `1e-400`,
		"absurd exponent":            `1e99999999999999999999`,
		"one key twice":              `{"a":1,"b":2,"a":1}`,
		"one key in two spellings":   `{"a":1,"\u0061":2}`,
		"half a pair":                `"\ud83d"`,
		"the other half":             `"\ude00x"`,
		"two first halves":           `"\ud83d\ud83d"`,
		"half a pair in a key":       `{"\ud83d":1}`,
		"not UTF-8":                  "\"\xff\"",
		"not JSON":                   `{"a":}`,
		"two values":                 `1 2`,
		"nothing":                    ``,
		"too deep":                   strings.Repeat("[", 2000) + strings.Repeat("]", 2000),
	} {
		if got, err := CanonicalJSON([]byte(in)); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%s: got %s, error %v", name, got, err)
		}
	}
	for name, in := range map[string]any{"not UTF-8": "a\xff", "a key that is not UTF-8": map[string]int{"\xff": 1}} {
		if got, err := Canonical(in); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%s: got %s, error %v", name, got, err)
		}
	}
	for name, in := range map[string]any{"NaN": math.NaN(), "a channel": make(chan int)} {
		if got, err := Canonical(in); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestCanonicalOfGoValues(t *testing.T) {
	t.Parallel()
	type facts struct {
		Z   map[string]any  `json:"z"`
		A   string          `json:"a"`
		Raw json.RawMessage `json:"raw"`
	}
	got, err := Canonical(facts{Z: map[string]any{"n": json.Number("1.50"), "m": nil}, A: "<\ufffd\\>", Raw: json.RawMessage(`{"y":1, "x":2}`)})
	want := "{\"a\":\"<\ufffd\\\\>\",\"raw\":{\"x\":2,\"y\":1},\"z\":{\"m\":null,\"n\":1.5}}"
	if err != nil || string(got) != want {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
	if got := Digest([]byte("abc")); got != "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}

func FuzzCanonicalJSON(f *testing.F) {
	for _, seed := range []string{`{"b":[1,2.5e-7],"a":"\ud83d\ude00"}`, `[[],{},"",0,-1e22]`, `{"a":1,"a":2}`, `"\\u"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := CanonicalJSON(in)
		if err != nil {
			return
		}
		again, err := CanonicalJSON(got)
		if err != nil || string(again) != string(got) {
			t.Errorf("%q gave %q, which gave %q (%v)", in, got, again, err)
		}
	})
}
