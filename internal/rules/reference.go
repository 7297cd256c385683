package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Reference is docs/rules.md: every rule of the built-in packs from its metadata, each with its good and bad examples. A
// *[LoadError] says why the rules cannot be read.
func Reference(ctx context.Context, builtin fs.FS) ([]byte, error) {
	engine, err := New(ctx, Options{Builtin: builtin, Packs: []string{"all"}})
	if err != nil {
		return nil, err
	}
	catalogue := engine.Rules()
	var out bytes.Buffer
	fmt.Fprintf(&out, "# The rules that ship\n\n%d rules in %d packs. This page is made from the rules' own metadata and examples "+
		"(`go test ./internal/rules -run TestReference -update`);\nthe examples are run by the test suite. "+
		"`gatehouse rules show ID` prints one of them, and [writing-rules.md](writing-rules.md) says how to add your own.\n"+
		"Severity, enforcement, parameters and what an unknown value does can be set for each rule: see [configuration.md](configuration.md).\n",
		len(catalogue), len(packsOf(catalogue)))
	for _, pack := range packsOf(catalogue) {
		on := "on by default"
		if !slices.Contains(DefaultPacks(), pack) {
			on = "off until `policies.packs` or `--pack` names it"
		}
		fmt.Fprintf(&out, "\n## %s\n\nThe pack is %s.\n\n| rule | severity | wanted |\n|---|---|---|\n", pack, on)
		for _, r := range catalogue {
			if r.Pack == pack {
				fmt.Fprintf(&out, "| [%s](#%s) | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Severity, cell(r.Title))
			}
		}
		for i := range catalogue {
			if catalogue[i].Pack == pack {
				if err := referenceRule(&out, &catalogue[i], builtin); err != nil {
					return nil, err
				}
			}
		}
	}
	return out.Bytes(), nil
}

func packsOf(catalogue []Rule) []string {
	var packs []string
	for _, r := range catalogue {
		if !slices.Contains(packs, r.Pack) {
			packs = append(packs, r.Pack)
		}
	}
	return packs
}

// cell is a text that may stand in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// referenceRule writes one rule. Its anchor is its id alone, so that links hold when the title is worded better.
func referenceRule(out *bytes.Buffer, r *Rule, builtin fs.FS) error {
	fmt.Fprintf(out, "\n### <a id=\"%s\"></a>%s: %s\n\n", strings.ToLower(r.ID), r.ID, r.Title)
	if r.Description != "" {
		fmt.Fprintf(out, "%s\n\n", strings.TrimSpace(r.Description))
	}
	fmt.Fprintf(out, "**Remedy:** %s\n\n- severity %s, enforcement %s; a value unknown until apply: %s\n", strings.TrimSpace(r.Remedy), r.Severity, r.Enforcement, r.Unknown)
	for _, kind := range slices.Sorted(maps.Keys(r.Inspects)) {
		fmt.Fprintf(out, "- inspects %s: %s\n", kind, "`"+strings.Join(r.Inspects[kind], "`, `")+"`")
	}
	if len(r.References) > 0 {
		fmt.Fprintf(out, "- elsewhere: %s\n", strings.Join(r.References, ", "))
	}
	for _, link := range r.Related {
		fmt.Fprintf(out, "- see [%s](%s)\n", orText(link.Description, link.Ref), link.Ref)
	}
	for _, p := range r.Parameters {
		what := "required: the rule is off until it is set"
		if !p.Required {
			text, err := json.Marshal(p.Default)
			if err != nil {
				return fmt.Errorf("writing the parameter %s of %s: %w", p.Name, r.ID, err)
			}
			what = "default `" + string(text) + "`"
		}
		fmt.Fprintf(out, "- parameter `%s` (%s): %s\n", p.Name, what, strings.TrimSpace(p.Description))
	}
	return referenceExamples(out, r, builtin)
}

func orText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func referenceExamples(out *bytes.Buffer, r *Rule, builtin fs.FS) error {
	name := strings.TrimSuffix(strings.TrimPrefix(r.File, "policies/"), ".rego") + ".examples.yaml"
	text, err := readCapped(builtin, name)
	if err != nil {
		return fmt.Errorf("reading the examples of %s: %w", r.ID, err)
	}
	examples, err := ParseExamples(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path.Base(name), err)
	}
	fmt.Fprint(out, "\n<details><summary>Examples</summary>\n")
	for i, e := range slices.Concat(examples.Good, examples.Bad) {
		word := "Good"
		if i >= len(examples.Good) {
			word = "Bad"
		}
		fmt.Fprintf(out, "\n%s: %s\n\n", word, e.Name)
		if err := referenceExample(out, &e); err != nil {
			return fmt.Errorf("the example %q of %s: %w", e.Name, r.ID, err)
		}
	}
	fmt.Fprint(out, "\n</details>\n")
	return nil
}

func referenceExample(out *bytes.Buffer, e *Example) error {
	block := func(title, text string) {
		if strings.TrimSpace(text) != "" {
			fmt.Fprintf(out, "```yaml\n%s%s\n```\n", title, strings.TrimRight(text, "\n"))
		}
	}
	for _, item := range e.Terraform {
		text, err := yaml.Marshal(shownTerraform(&item))
		if err != nil {
			return err
		}
		block("", string(text))
	}
	for _, side := range []struct {
		title string
		files map[string]string
	}{{"# ", e.Files}, {"# at the merge base: ", e.BaseFiles}} {
		for _, name := range slices.Sorted(maps.Keys(side.files)) {
			block(side.title+name+"\n", side.files[name])
		}
	}
	block("", e.Kubernetes)
	block("# at the merge base\n", e.Base)
	if len(e.Parameters) > 0 {
		text, err := yaml.Marshal(map[string]any{"parameters": e.Parameters})
		if err != nil {
			return err
		}
		block("", string(text))
	}
	for _, f := range e.Findings {
		message := orText(f.Message, f.Reason)
		if f.Unknown {
			message = "(unknown until apply) " + message
		}
		fmt.Fprintf(out, "- `%s`: %s\n", f.Resource, strings.NewReplacer("<", "\\<", "*", "\\*", "|", "\\|").Replace(message))
	}
	return nil
}

// shownTerraform is an example without what it leaves out.
func shownTerraform(t *TerraformExample) map[string]any {
	shown := map[string]any{"address": t.Address}
	for name, value := range map[string]any{"after": t.After, "before": t.Before, "unknown": t.Unknown, "sensitive": t.Sensitive} {
		if value != nil {
			shown[name] = value
		}
	}
	if len(t.Actions) > 0 {
		shown["actions"] = t.Actions
	}
	if len(t.References) > 0 {
		shown["references"] = t.References
	}
	if len(t.Configured) > 0 {
		shown["configured"] = t.Configured
	}
	if len(t.Provisioners) > 0 {
		shown["provisioners"] = t.Provisioners
	}
	if t.Environment != "" {
		shown["environment"] = t.Environment
	}
	return shown
}
