package repoconfig_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

var inCode = regexp.MustCompile("`([^`]+)`")

// rows are the tables' rows of a section of docs/approvals.md: the names in the first cell, and the example in the last.
func rows(t *testing.T, section string) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../../docs/approvals.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(data), section+"\n")
	if !found {
		t.Fatalf("docs/approvals.md has no %q", section)
	}
	text, _, _ = strings.Cut(text, "\n#")
	out := map[string]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		example := inCode.FindStringSubmatch(cells[len(cells)-1])
		if !strings.HasPrefix(line, "| `") || example == nil {
			continue
		}
		for _, name := range inCode.FindAllStringSubmatch(cells[0], -1) {
			out[name[1]] = example[1]
		}
	}
	return out
}

// keys are the names that a struct has in YAML.
func keys(of any) []string {
	var out []string
	for i := range reflect.TypeOf(of).NumField() {
		out = append(out, reflect.TypeOf(of).Field(i).Tag.Get("yaml"))
	}
	return out
}

// Every example in the tables of docs/approvals.md is taken by the parser, and every option and condition that there is stands in them.
func TestApprovalsAreDocumented(t *testing.T) {
	t.Parallel()
	options, conditions := rows(t, "## Options"), rows(t, "### Conditions of `when` and `unless`")
	configs := map[string]string{}
	for name, example := range options {
		inner := "approvals: {" + example + "}"
		switch field, inRule := strings.CutPrefix(name, "rules[]."); {
		case inRule:
			rule := []string{example}
			for key, value := range map[string]string{"name": "name: x", "required": "required: 1"} {
				if key != field {
					rule = append(rule, value)
				}
			}
			inner = "approvals: {rules: [{" + strings.Join(rule, ", ") + "}]}"
		case name == "required_checks", name == "break_glass.teams":
			inner = example
		case name == "break_glass.approvals":
			inner = "break_glass: {teams: [acme/oncall], expires: 1h, " + example + "}"
		case name == "break_glass.expires":
			inner = "break_glass: {teams: [acme/oncall], approvals: 1, " + example + "}"
		}
		configs[name] = inner
	}
	for name, example := range conditions {
		configs["when."+name] = "approvals: {rules: [{name: x, required: 1, when: {" + example + "}}]}"
	}
	for name, config := range configs {
		if _, problems := repoconfig.Parse("docs", []byte("version: 1\n"+config+"\n")); len(problems) > 0 {
			t.Errorf("the example of %s is refused: %s\n%v", name, config, problems)
		}
	}
	var undocumented []string
	for _, key := range keys(repoconfig.When{}) {
		if conditions[key] == "" {
			undocumented = append(undocumented, "when."+key)
		}
	}
	for prefix, of := range map[string]any{"": repoconfig.Approvals{}, "from.": repoconfig.From{}, "rules[].": repoconfig.ApprovalRule{}, "request.": repoconfig.Request{}, "break_glass.": repoconfig.BreakGlass{}} {
		for _, key := range keys(of) {
			known := slices.ContainsFunc(slices.Collect(maps.Keys(options)), func(name string) bool {
				return name == prefix+key || strings.HasPrefix(name, prefix+key+".") || strings.HasPrefix(name, prefix+key+"[]")
			})
			if !known && prefix+key != "from.required" { // which stands with the groups
				undocumented = append(undocumented, prefix+key)
			}
		}
	}
	if diff := cmp.Diff([]string(nil), undocumented); diff != "" {
		t.Errorf("not in docs/approvals.md (-want +got):\n%s", diff)
	}
}
