package repoconfig

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxWaiver is how far off a waiver's end may be.
const maxWaiver = 366 * 24 * time.Hour

// Waiver is one entry of the waiver file.
type Waiver struct {
	Rule     string `yaml:"rule"`
	Resource string `yaml:"resource"`
	Reason   string `yaml:"reason"`
	Owner    string `yaml:"owner"`
	Expires  Date   `yaml:"expires"`
}

// Date is a day, YYYY-MM-DD.
type Date string

// UnmarshalYAML reads a day, quoted or not.
func (d *Date) UnmarshalYAML(n *yaml.Node) error {
	if _, err := time.Parse(time.DateOnly, n.Value); n.Kind != yaml.ScalarNode || err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a day is wanted, such as 2027-01-31; found %q", n.Line, n.Value)}}
	}
	*d = Date(n.Value)
	return nil
}

// ParseWaivers reads a waiver file strictly. now tells how far off an end may be: at most a year. A waiver that has expired is
// not a problem: it comes back with the others, so that findings can say why they are no longer waived.
func ParseWaivers(file string, data []byte, now time.Time) ([]gate.Waiver, []gate.Problem) {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) == nil && root.IsZero() {
		return nil, nil // nothing, or comments alone: no waivers
	}
	var list []Waiver
	if problems := decode(file, data, &list); len(problems) > 0 {
		return nil, problems
	}
	v := &validator{file: file, data: data}
	var out []gate.Waiver
	for i, w := range list {
		key := fmt.Sprint(i)
		line := lineOf(data, key)
		for _, field := range []struct{ name, value string }{
			{"rule", w.Rule}, {"resource", w.Resource}, {"reason", w.Reason}, {"owner", w.Owner}, {"expires", string(w.Expires)},
		} {
			if strings.TrimSpace(field.value) == "" {
				v.problems = append(v.problems, problem(file, line, fmt.Sprintf("has a waiver without %s; a waiver needs rule, resource, reason, owner and expires", field.name)))
			}
		}
		if end, err := time.Parse(time.DateOnly, string(w.Expires)); err == nil && end.Sub(now) > maxWaiver {
			v.problems = append(v.problems, problem(file, lineOf(data, key+".expires"), fmt.Sprintf("has a waiver until %s; at most a year off is allowed", w.Expires)))
		}
		out = append(out, gate.Waiver{
			Rule: w.Rule, Resource: w.Resource, Reason: w.Reason, Owner: w.Owner, Expires: string(w.Expires), Line: line,
		})
	}
	if len(v.problems) > 0 {
		return nil, v.problems
	}
	return out, nil
}

// LooksLikeWaivers tells a waiver file, which is a list, from a gate file, which is a mapping.
func LooksLikeWaivers(data []byte) bool {
	var root yaml.Node
	return yaml.Unmarshal(data, &root) == nil && len(root.Content) == 1 && root.Content[0].Kind == yaml.SequenceNode
}
