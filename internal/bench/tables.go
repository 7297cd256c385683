package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// table is one measured piece of work. Every line is also given as a multiple of the first one's time.
type table struct {
	title       string
	contestants []*contestant
	equal       bool // all that count findings must count the same
}

func (t *table) print(ctx context.Context, b *bench) error {
	all := make([][]measurement, len(t.contestants))
	for run := range b.runs + 1 {
		for i, c := range t.contestants {
			m, err := c.measure(ctx, b.dir, run)
			if err != nil {
				return err
			}
			if run > 0 { // the first run warms the file cache
				all[i] = append(all[i], m)
			}
		}
	}
	fmt.Printf("\n### %s\n\n| what | time | of the first | processor | own memory | resident | findings |\n|---|---:|---:|---:|---:|---:|---:|\n", t.title)
	var first, found measurement
	for i, c := range t.contestants {
		m := median(all[i])
		if i == 0 {
			first = m
		}
		count := "-"
		if c.found != nil {
			count = fmt.Sprint(m.found)
			if t.equal && found.found != 0 && found.found != m.found {
				return fmt.Errorf("%s found %d, another %d: the rules are not equal", c.name, m.found, found.found)
			}
			found = m
		}
		fmt.Printf("| %s | %d ms | %.2f | %d ms | %d MB | %d MB | %s |\n", c.name, m.wall.Milliseconds(),
			float64(m.wall)/float64(first.wall), m.cpu.Milliseconds(), m.own>>20, m.memory>>20, count)
	}
	return nil
}

func (b *bench) tables() []*table {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	check := func(name string, args ...string) *contestant {
		return &contestant{
			name: name, args: append([]string{b.gatehouse, "check", "-o", "json"}, args...), found: ofGatehouse,
			environ: []string{"GATEHOUSE_CACHE=" + filepath.Join(b.dir, "cache")},
		}
	}
	conftest := func(name, policy, input string) *contestant {
		return &contestant{
			name:  name,
			args:  []string{b.conftest, "test", "--policy", policy, "--output", "json", "--no-color", input},
			found: ofConftest,
		}
	}
	decode := &contestant{name: "encoding/json, decoding into any, nothing else", args: []string{self, "decode", "plan.json"}, inside: true}
	sixty := []string{"--pack", "none", "--policy", "gatehouse-60"}
	plan := func(name string, rest ...string) *contestant {
		return check(name, append([]string{"--no-cache", "--plan", "plan.json"}, rest...)...)
	}
	return []*table{
		{title: "A plan of 10,000 changes, 60 equal rules", equal: true, contestants: []*contestant{
			decode, plan("gatehouse check", sixty...), conftest("conftest test", "conftest-60", "plan.json"),
		}},
		{title: "The same plan, 600 rules of which 540 are on other types", equal: true, contestants: []*contestant{
			plan("gatehouse check, 60 rules", sixty...), plan("gatehouse check, 600 rules", "--pack", "none", "--policy", "gatehouse-600"),
			conftest("conftest test, 600 rules", "conftest-600", "plan.json"),
		}},
		{title: "The same plan, conftest's own 60 and 600 rules in both programs", equal: true, contestants: []*contestant{
			plan("gatehouse check, 60 rules", "--pack", "none", "--policy", "conftest-60"), conftest("conftest test, 60 rules", "conftest-60", "plan.json"),
			plan("gatehouse check, 600 rules", "--pack", "none", "--policy", "conftest-600"), conftest("conftest test, 600 rules", "conftest-600", "plan.json"),
		}},
		{title: "The same file again with one change different", equal: true, contestants: []*contestant{
			b.changing(check("gatehouse check, with what the last run left", append([]string{"--plan", "again.json"}, sixty...)...)),
			b.changing(check("gatehouse check --no-cache", append([]string{"--no-cache", "--plan", "again.json"}, sixty...)...)),
			b.changing(conftest("conftest test", "conftest-60", "again.json")),
		}},
		{title: "The same plan, the built-in packs", contestants: []*contestant{
			decode, plan("gatehouse check, default packs"), plan("gatehouse check, all packs", "--pack", "all"),
		}},
		{title: "2,000 Kubernetes objects, all packs", contestants: []*contestant{
			conftest(fmt.Sprintf("conftest test, %d simple rules", objectRules), "conftest-objects", "objects/all.yaml"),
			check("gatehouse check, all packs", "objects", "--pack", "all"),
		}},
	}
}

// changing has the contestant read a file in which one change is another one in each run.
func (b *bench) changing(c *contestant) *contestant {
	c.before = func(run int) error {
		data, err := os.ReadFile(filepath.Join(b.dir, []string{"plan.json", "plan-2.json"}[run%2]))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(b.dir, "again.json"), data, 0o600)
	}
	return c
}
