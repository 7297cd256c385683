package cli

import (
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// mentionConstraints tells those who come from Gatekeeper that constraints among the manifests are objects like others: nothing is
// judged by them before somebody says that they are rules.
func (w *world) mentionConstraints(docs []gate.Document) {
	first, count := "", 0
	for i := range docs {
		if docs[i].Group == rules.ConstraintGroup {
			if count++; first == "" {
				first = docs[i].File
			}
		}
	}
	if count > 0 {
		fmt.Fprintf(w.err, "gatehouse: Gatekeeper's constraints among the manifests (%d, the first in %s) are not used as rules; name their folder and their templates' with --policy DIR, or under policies.paths in %s\n",
			count, gate.Printable(first), repoconfig.Path)
	}
}

// mentionUnseenPods tells the same people that their constraints about Pods pass every Deployment, as in a cluster.
func (w *world) mentionUnseenPods(u rules.Unseen) {
	if len(u.Workloads) > 0 {
		fmt.Fprintf(w.err, "gatehouse: Gatekeeper's constraints about Pods (%d, the first %s) do not see what workloads make (%d, the first %s), and a cluster would refuse the Pods only later; put an ExpansionTemplate among the rules\n",
			len(u.Constraints), gate.Printable(u.Constraints[0]), len(u.Workloads), gate.Printable(u.Workloads[0]))
	}
}
