package document

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
)

// ownRules is where rules are by custom, also before a configuration names the folder: the pull request that brings them first is
// judged by a configuration that does not know them.
const ownRules = ".gatehouse/policies"

// suiteGroup is the API group of the test suites of Gatekeeper's own tool, https://open-policy-agent.github.io/gatekeeper/website/docs/gator.
// No cluster knows it.
const suiteGroup = "test.gatekeeper.sh"

// ruleFolder is the folder of rules that holds a file; ok is false when none does.
func (o *Options) ruleFolder(file string) (dir string, ok bool) {
	for _, dir := range append([]string{ownRules}, o.RuleFolders...) {
		if dir = cleanDir(dir); under(dir, file) {
			return dir, true
		}
	}
	return "", false
}

// fixtures are the files in folders of rules that test the rules and are nobody's to deploy: the test suites of Gatekeeper's own tool, and
// the objects that they name in the same folder. A file that kubernetes.paths names is a manifest.
func (r *kubernetesRun) fixtures(ctx context.Context, tree Tree) map[string]bool {
	found := map[string]bool{}
	var files []string
	for _, file := range tree.Paths() {
		if _, ok := r.options.ruleFolder(file); ok && isYAML(file) && !r.configured() {
			files = append(files, file)
		}
	}
	r.inBatches(ctx, tree, files, func(batch []string, contents map[string][]byte, _ map[string]int64) {
		for _, file := range batch {
			data := contents[file]
			if int64(len(data)) > r.limits.Manifest || !bytes.Contains(data, []byte(suiteGroup)) {
				continue
			}
			documents, err := yamlValues(data, r.limits)
			if err != nil || len(documents) != 1 || !isSuite(documents[0]) {
				continue // then all of it is manifests, and what is wrong with it is told
			}
			found[file] = true
			dir, _ := r.options.ruleFolder(file)
			for _, name := range suiteFiles(documents[0]) {
				if joined := path.Join(path.Dir(file), name); name != "" && under(dir, joined) {
					found[joined] = true
				}
			}
		}
	})
	return found
}

func isSuite(v *value) bool {
	group, _, _ := strings.Cut(v.get("apiVersion").str(), "/")
	return group == suiteGroup && v.get("kind").str() == "Suite"
}

// suiteFiles are the files with objects that a suite names, relative to its own. The templates and constraints that it names are the rules
// themselves, which often go to a cluster from where they lie.
func suiteFiles(suite *value) []string {
	var names []string
	for _, test := range suite.get("tests").elements() {
		for _, c := range test.get("cases").elements() {
			names = append(names, c.get("object").str())
			for _, name := range c.get("inventory").elements() {
				names = append(names, name.str())
			}
		}
	}
	return names
}

// elements are the values of a list, none of anything else.
func (v *value) elements() []*value {
	if v == nil || v.kind != array {
		return nil
	}
	return v.items
}

// tellFixtures says, in a line for each folder of rules, what of it the pull request brings and nobody judges.
func (r *kubernetesRun) tellFixtures(files []string) {
	byFolder := map[string][]string{}
	for _, file := range files {
		dir, _ := r.options.ruleFolder(file)
		byFolder[dir] = append(byFolder[dir], file)
	}
	for dir, some := range sorted(byFolder) {
		message := "is a test of rules, which a suite of Gatekeeper's names, and no manifest"
		if n := len(some) - 1; n == 1 {
			message = "and 1 more file of " + dir + " are tests of rules, which suites of Gatekeeper's name, and no manifests"
		} else if n > 1 {
			message = fmt.Sprintf("and %d more files of %s are tests of rules, which suites of Gatekeeper's name, and no manifests", n, dir)
		}
		r.unjudged(some[0], 0, message, "Name what is deployed all the same in kubernetes.paths.", "kubernetes")
	}
}
