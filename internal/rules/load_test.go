package rules_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// problemsOf loads one folder and gives what New says, one line a problem, without remedies.
func problemsOf(t *testing.T, o rules.Options) []string {
	t.Helper()
	_, err := rules.New(t.Context(), o)
	if err == nil {
		return nil
	}
	var load *rules.LoadError
	if !errors.As(err, &load) {
		t.Fatalf("not a LoadError: %v", err)
	}
	for _, p := range load.Problems {
		if p.Code != "rules" || p.Remedy == "" {
			t.Errorf("no code or remedy: %+v", p)
		}
	}
	return strings.Split(err.Error(), "\n")
}

// with is sshRule with something replaced.
func with(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sshRule) }

func TestWhatIsWrongWithARuleIsSaidWithFileAndLine(t *testing.T) {
	t.Parallel()
	body := "\"0.0.0.0/0\" in rule.cidrs"
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"a syntax error":        {map[string]string{"a.rego": with(body, "rule.cidrs[")}, []string{"own/a.rego:17 parse_error: unexpected } token"}},
		"an unsafe variable":    {map[string]string{"a.rego": with(body, "x > 3")}, []string{"own/a.rego:16 unsafe_var_error: var x is unsafe"}},
		"a forbidden builtin":   {map[string]string{"a.rego": with(body, `http.send({"url": "https://x"}).ok`)}, []string{"own/a.rego:16 http.send is not available to rules: it would bring in the network"}},
		"print":                 {map[string]string{"a.rego": with(body, "print(rule)")}, []string{"own/a.rego:16 print is not available to rules: it would bring in output"}},
		"the clock":             {map[string]string{"a.rego": with(body, "time.now_ns() > 0")}, []string{"own/a.rego:16 time.now_ns is not available to rules: it would bring in the clock"}},
		"recursion":             {map[string]string{"a.rego": sshRule + "\nf(x) := f(x)\n"}, []string{"own/a.rego:19 recursion_error: rule data.acme.ssh.f is recursive: data.acme.ssh.f -> data.acme.ssh.f"}},
		"an undefined function": {map[string]string{"a.rego": with(body, "nosuch(rule)")}, []string{"own/a.rego:16 type_error: undefined function nosuch"}},
		"no metadata":           {map[string]string{"a.rego": "package acme.x\n\ndeny contains \"x\" if input.change.actions[_] == \"delete\"\n"}, []string{"own/a.rego:1 a rule without METADATA: it has no custom.id"}},
		"no id":                 {map[string]string{"a.rego": with("#   id: ACME-01\n", "")}, []string{"own/a.rego:2 the rule's METADATA has no custom.id"}},
		"no severity":           {map[string]string{"a.rego": with("#   severity: critical\n", "")}, []string{"own/a.rego:2 the rule's METADATA has no custom.severity"}},
		"no remedy":             {map[string]string{"a.rego": with("#   remedy: Close it.\n", "")}, []string{"own/a.rego:2 the rule's METADATA has no custom.remedy"}},
		"no inspects":           {map[string]string{"a.rego": with("#   inspects: {terraform: [aws_security_group]}\n", "")}, []string{"own/a.rego:2 the rule's METADATA has no custom.inspects"}},
		"a wrong severity":      {map[string]string{"a.rego": with("critical", "urgent")}, []string{`own/a.rego:6 custom.severity is "urgent"; wanted: critical, high, medium, low`}},
		"an unknown kind":       {map[string]string{"a.rego": with("{terraform: [", "{teraform: [")}, []string{"own/a.rego:8 custom.inspects has an unknown key teraform; did you mean terraform?"}},
		"a mistyped key":        {map[string]string{"a.rego": with("remedy:", "remedi:")}, []string{"own/a.rego:2 the rule's METADATA has no custom.remedy", "own/a.rego:7 custom has an unknown key remedi; did you mean remedy?"}},
		"broken YAML":           {map[string]string{"a.rego": with("title: SSH is closed", "title: SSH: closed")}, []string{"own/a.rego:2 the METADATA comment is not YAML: mapping values are not allowed in this context"}},
		"one id twice": {map[string]string{"a.rego": sshRule, "b.rego": with("package acme.ssh", "package acme.other")},
			[]string{"own/b.rego:11 the id ACME-01 is already that of own/a.rego:11"}},
		"one package twice": {map[string]string{"a.rego": sshRule, "b.rego": with("ACME-01", "ACME-02")},
			[]string{"own/b.rego:11 the package acme.ssh is already that of own/a.rego:11"}},
		"no package":        {map[string]string{"a.rego": "# nothing\n"}, []string{"own the folder holds no rules", "own/a.rego:1 no package declaration where one must be"}},
		"no rule at all":    {map[string]string{"README.md": "x"}, []string{"own the folder holds no rules"}},
		"a truth":           {map[string]string{"a.rego": with("deny contains {\"message\": sprintf(\"port %d is open\", [rule.port]), \"path\": sprintf(\"ingress[%d]\", [i])}", "deny")}, []string{"own/a.rego:13 deny is true or false here; wanted: a set of findings"}},
		"an object":         {map[string]string{"a.rego": with("deny contains {\"message\": sprintf(\"port %d is open\", [rule.port]), \"path\": sprintf(\"ingress[%d]\", [i])}", "deny[rule.port]")}, []string{"own/a.rego:13 deny is an object here; wanted: a set of findings"}},
		"no result set":     {map[string]string{"a.rego": with("deny contains", "dney contains")}, []string{"own/a.rego:11 the rule ACME-01 defines none of deny, warn, unknown, require_approval"}},
		"helper parameters": {map[string]string{"a.rego": with(body, "data.acme.h.x"), "h.rego": "package acme.h\n\nx := data.parameters.ports\n"}, []string{"own/h.rego:3 data.parameters in a helper: parameters belong to a rule"}},
		"an undeclared parameter": {map[string]string{"a.rego": with("in data.parameters.ports", "in data.parameters.prots")},
			[]string{"own/a.rego:15 the rule ACME-01 has no parameter prots; did you mean ports?"}},
		"an older Rego":      {map[string]string{"a.rego": with("if {", "{")}, []string{"own/a.rego:13 parse_error: `if` keyword is required before rule body"}},
		"the engine's names": {map[string]string{"a.rego": with("package acme.ssh", "package gatehouse.lib")}, []string{"own/a.rego:11 the package gatehouse.lib encloses Gatehouse's own"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			builtin := fstest.MapFS{"lib/h.rego": {Data: []byte("package gatehouse.lib.h\n\nx := 1\n")}}
			got := problemsOf(t, rules.Options{Builtin: builtin, Packs: []string{}, Dirs: []rules.Dir{dirOf(c.files)}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsWrongWithSettingsIsSaid(t *testing.T) {
	t.Parallel()
	builtin := fstest.MapFS{"audit/ssh.rego": {Data: []byte(with("package acme.ssh", "package gatehouse.audit.ssh"))}}
	setting := func(s rules.Setting) map[string]rules.Setting { return map[string]rules.Setting{"ACME-01": s} }
	for name, c := range map[string]struct {
		options rules.Options
		want    []string
	}{
		"an unknown pack":      {rules.Options{Packs: []string{"audti"}}, []string{"there is no pack audti; known: audit"}},
		"an unknown rule":      {rules.Options{Rules: map[string]rules.Setting{"ACME-1": {}}}, []string{"there is no rule ACME-1; did you mean ACME-01?"}},
		"only an unknown rule": {rules.Options{Only: []string{"NO-1"}}, []string{"there is no rule NO-1; known: ACME-01"}},
		"a wrong enforcement":  {rules.Options{Rules: setting(rules.Setting{Enforcement: "block"})}, []string{`enforcement of the rule ACME-01 is "block"; wanted: deny, warn, off`}},
		"a wrong unknown":      {rules.Options{Rules: setting(rules.Setting{Unknown: "off"})}, []string{`unknown of the rule ACME-01 is "off"; wanted: deny, warn`}},
		"an unknown parameter": {rules.Options{Rules: setting(rules.Setting{Parameters: map[string]any{"port": 1}})}, []string{"the rule ACME-01 has no parameter port; did you mean ports?"}},
		"a wrong parameter":    {rules.Options{Rules: setting(rules.Setting{Parameters: map[string]any{"ports": 22}})}, []string{"the parameter ports of the rule ACME-01 is a number; wanted: a list"}},
		"a wrong scope":        {rules.Options{Scope: "new"}, []string{`the scope is "new"; wanted: changed or all`}},
		"everything off":       {rules.Options{Rules: setting(rules.Setting{Enforcement: "off"})}, []string{"no rule is in force"}},
		"no packs":             {rules.Options{Packs: []string{}}, nil},
		"the word none":        {rules.Options{Packs: []string{"none"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.Builtin = builtin
			if diff := cmp.Diff(c.want, problemsOf(t, c.options)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheCatalogueShowsRulesAndWhyTheyAreOff(t *testing.T) {
	t.Parallel()
	builtin := fstest.MapFS{
		"audit/a.rego":    {Data: []byte(with("package acme.ssh", "package gatehouse.audit.ssh"))},
		"restr/b.rego":    {Data: []byte(with("package acme.ssh", "package gatehouse.restr.b", "ACME-01", "ACME-02", "critical", "medium"))},
		"audit/c.rego":    {Data: []byte(with("package acme.ssh", "package gatehouse.audit.c", "ACME-01", "ACME-03", "default: [22]", "required: true"))},
		"audit/d.rego":    {Data: []byte(with("package acme.ssh", "package gatehouse.audit.d", "ACME-01", "ACME-04"))},
		"lib/helper.rego": {Data: []byte("package gatehouse.lib.helper\n\nx := 1\n")},
	}
	e, err := rules.New(t.Context(), rules.Options{Builtin: builtin, Rules: map[string]rules.Setting{
		"ACME-01": {Parameters: map[string]any{"ports": []any{22.0, 3389}}, Unknown: "warn"}, "ACME-04": {Enforcement: "off"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ ID, Pack, File, Enforcement, Unknown, Off, Docs string }
	var got []row
	for _, r := range e.Rules() {
		got = append(got, row{r.ID, r.Pack, r.File, r.Enforcement, r.Unknown, r.Off, r.Docs})
	}
	docs := "https://github.com/gatehouse-dev/gatehouse/blob/main/docs/rules.md#acme-0"
	want := []row{
		{"ACME-01", "audit", "policies/audit/a.rego", "deny", "warn", "", docs + "1"},
		{"ACME-03", "audit", "policies/audit/c.rego", "deny", "deny", "its parameter ports is not set", docs + "3"},
		{"ACME-04", "audit", "policies/audit/d.rego", "off", "deny", "enforcement is off", docs + "4"},
		{"ACME-02", "restr", "policies/restr/b.rego", "warn", "warn", "its pack is not on", docs + "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := e.Evaluate(t.Context(), rules.Input{}).Rules; n != 1 {
		t.Errorf("%d rules in force", n)
	}
}

func TestTheDigestFollowsWhatJudges(t *testing.T) {
	t.Parallel()
	digest := func(text string, o rules.Options) string {
		o.Packs, o.Dirs = []string{}, []rules.Dir{dirOf(map[string]string{"a.rego": text})}
		e, err := rules.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return e.Digest()
	}
	setting := func(s rules.Setting) rules.Options {
		return rules.Options{Rules: map[string]rules.Setting{"ACME-01": s}}
	}
	first := digest(sshRule, rules.Options{})
	if !strings.HasPrefix(first, "sha256:") || len(first) != len("sha256:")+64 {
		t.Errorf("digest is %q", first)
	}
	if again := digest(sshRule, rules.Options{}); again != first {
		t.Error("the same rules have another digest")
	}
	for name, other := range map[string]string{
		"text":        digest(sshRule+"\n# more\n", rules.Options{}),
		"version":     digest(sshRule, rules.Options{Version: "2"}),
		"scope":       digest(sshRule, rules.Options{Scope: "all"}),
		"enforcement": digest(sshRule, setting(rules.Setting{Enforcement: gate.EnforceWarn})),
		"unknown":     digest(sshRule, setting(rules.Setting{Unknown: gate.EnforceWarn})),
		"parameters":  digest(sshRule, setting(rules.Setting{Parameters: map[string]any{"ports": []any{1}}})),
	} {
		if other == first {
			t.Errorf("another %s has the same digest", name)
		}
	}
}
