package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testNames looks for resources by the names and ids that clouds know them by, and for decisions by commits that landed along with others.
func testNames(t *testing.T, fresh func(testing.TB) string) {
	for _, broad := range []int{0, -1} { // of few decisions every pattern is narrow, of none or more every one is broad
		t.Run(fmt.Sprint(broad), func(t *testing.T) {
			s := Open(t, fresh(t), store.Options{Broad: broad})
			r := SampleRecord("d1", 1, "head1")
			r.Resources[0].Names = []string{"sg-0a1b", "web", "arn:aws:ec2:eu-central-1:1:security-group/sg-0a1b"}
			r.Resources[1].Names = []string{"shop\x00", strings.Repeat("long", 300)}
			must[store.Position](t)(s.Record(t.Context(), r))
			r = SampleRecord("d2", 2, "head2")
			r.Resources = r.Resources[:1]
			r.Resources[0].Names = []string{"sg-0a1b"}
			must[store.Position](t)(s.Record(t.Context(), r))
			must[store.Position](t)(s.Append(t.Context(), []store.Entry{{
				Type: store.EntryPublication, Repository: "acme/infra", PullRequest: 2, Commit: "final", Along: []string{"rebased"},
			}}))
			who := func(pattern string) string {
				list, _, err := s.Who(t.Context(), pattern, "", 10)
				check(t, err)
				var out []string
				for _, c := range list {
					out = append(out, c.ID+" "+c.Resource)
				}
				return strings.Join(out, ", ")
			}
			find := func(pattern string, kinds ...string) string {
				list, _, err := s.Find(t.Context(), store.FindFilter{Pattern: pattern, Kinds: kinds}, "", 10)
				check(t, err)
				var out []string
				for _, f := range list {
					out = append(out, f.ID)
				}
				return strings.Join(out, ", ")
			}
			const db = `module.db["eu"].aws_db_instance.main[0]`
			got := map[string]string{
				"an id": who("sg-0a1b"), "a pattern": who("arn:*"), "another's": who("shop?"), "nobody's": who("sg-1*"), "a resource": who("aws_security_group.web"),
				"decisions by id": find("sg-0a1b"), "by kind": find("sg-*", store.KindName), "not by that kind": find("sg-*", store.KindResource),
				"a rebased commit": find("rebased"), "its beginning": find("reb*", store.TermCommit),
			}
			want := map[string]string{
				"an id": "d2 aws_security_group.web, d1 aws_security_group.web", "a pattern": "d1 aws_security_group.web", "another's": "d1 " + db, "nobody's": "",
				"a resource":      "d2 aws_security_group.web, d1 aws_security_group.web",
				"decisions by id": "d2, d1", "by kind": "d2, d1", "not by that kind": "", "a rebased commit": "d2", "its beginning": "d2",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			d := must[store.Decision](t)(s.Decision(t.Context(), "d1"))
			if list := must[[]store.Resource](t)(s.Changed(t.Context(), d.LogIndex, "shop*", 10)); len(list) != 1 || list[0].Resource != db {
				t.Errorf("got %+v", list)
			}
		})
	}
}
