package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// report is the object that `gatehouse check -o json` prints. Its names are part of the public contract.
type report struct {
	Verdict      gate.Verdict   `json:"verdict"`
	Summary      gate.Summary   `json:"summary"`
	Findings     []gate.Finding `json:"findings"`
	Requirements []requirement  `json:"requirements"`
	Unjudged     []gate.Problem `json:"unjudged"`
	Policy       gate.Policy    `json:"policy"`
	Errors       []gate.Problem `json:"errors"`
}

type requirement struct {
	Count      int      `json:"count"`
	Teams      []string `json:"teams,omitempty"`
	Users      []string `json:"users,omitempty"`
	Codeowners bool     `json:"codeowners,omitempty"`
	Permission string   `json:"permission,omitempty"`
	Reason     string   `json:"reason"`
	Rule       string   `json:"rule,omitempty"`
	Name       string   `json:"name,omitempty"`
}

// JSON is the decision as `gatehouse check -o json` prints it, with a line break at the end. Lists are never null. The only
// error is a value that JSON has no words for, which a decision does not hold.
func JSON(d *gate.Decision) ([]byte, error) {
	r := report{
		Verdict: d.Verdict, Summary: d.Summary, Findings: d.Findings, Requirements: []requirement{},
		Unjudged: d.Unjudged, Policy: d.Policy, Errors: d.Errors,
	}
	for i := range d.Requirements {
		x := &d.Requirements[i]
		q := requirement{
			Count: x.Count, Teams: x.From.Teams, Users: x.From.Users, Codeowners: x.From.Codeowners, Permission: x.From.Permission,
			Reason: x.Reason, Rule: x.Rule,
		}
		if x.Rule == "" {
			q.Name = x.Name
		}
		r.Requirements = append(r.Requirements, q)
	}
	if r.Findings == nil {
		r.Findings = []gate.Finding{}
	}
	if r.Unjudged == nil {
		r.Unjudged = []gate.Problem{}
	}
	if r.Errors == nil {
		r.Errors = []gate.Problem{}
	}
	findings := r.Findings
	r.Findings = []gate.Finding{}
	var text bytes.Buffer
	if err := indented(&text, "").Encode(&r); err != nil {
		return nil, err
	}
	if len(findings) == 0 {
		return visible(text.Bytes()), nil
	}
	list, err := jsonList(findings, "    ")
	if err != nil {
		return nil, err
	}
	// A text in JSON has no line breaks, so this is the list.
	before, after, _ := bytes.Cut(text.Bytes(), []byte("\n  \"findings\": []"))
	return visible(slices.Concat(before, []byte("\n  \"findings\": [\n    "), list, []byte("\n  ]"), after)), nil
}

// indented writes JSON of which each line but the first begins with prefix.
func indented(to *bytes.Buffer, prefix string) *json.Encoder {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	return enc
}

// jsonList is what stands between the brackets of a list, made on every processor: of a large plan there are thousands of findings.
func jsonList(findings []gate.Finding, prefix string) ([]byte, error) {
	const each = 256
	parts := make([][]byte, (len(findings)+each-1)/each)
	errs := make([]error, len(parts))
	var group sync.WaitGroup
	for n := range parts {
		group.Go(func() {
			var part bytes.Buffer
			enc := indented(&part, prefix)
			for i := n * each; i < min((n+1)*each, len(findings)) && errs[n] == nil; i++ {
				if i > n*each {
					part.Truncate(part.Len() - 1) // the line break that the encoder ends with
					part.WriteString(",\n" + prefix)
				}
				errs[n] = enc.Encode(&findings[i])
			}
			parts[n] = bytes.TrimSuffix(part.Bytes(), []byte("\n"))
		})
	}
	group.Wait()
	return bytes.Join(parts, []byte(",\n"+prefix)), errors.Join(errs...)
}

// visible spells out, in JSON's own way, what would steer the terminal that shows the JSON. It says the same.
func visible(in []byte) []byte {
	first := slices.IndexFunc(in, func(b byte) bool { return b >= 0x7f })
	if first < 0 {
		return in // as nearly all reports are
	}
	out := append(make([]byte, 0, len(in)+len(in)/8), in[:first]...)
	for _, r := range string(in[first:]) {
		switch {
		case r < 0x7f || unicode.IsPrint(r): // the encoder has seen to those below the space
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
