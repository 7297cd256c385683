package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Whatever somebody has in hands leads to the pull request.
func TestAuditWhoByAnything(t *testing.T) {
	t.Parallel()
	key, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
	db, err := store.Open(t.Context(), url, store.Options{Signer: store.Key(key)})
	if err != nil {
		t.Fatal(err)
	}
	record := func(id string, n int, resources []store.Resource, terms ...store.Term) {
		_, err := db.Record(t.Context(), store.Record{
			ID: id, RepositoryID: 1, Repository: "acme/infra", PullRequest: n, Title: "t", Author: "ann", Approvers: []string{"mei"}, Base: "b", Head: "h" + id,
			Verdict: "pass", Time: time.Date(2026, 11, 20+n, 0, 0, 0, 0, time.UTC), Facts: []byte(`{"id":"` + id + `"}`), Decision: []byte(`{}`),
			PolicyDigest: "sha256:p", Resources: resources, Terms: terms,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const commit = "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b"
	record("d-one", 1, []store.Resource{{Resource: "aws_security_group.web", Actions: []string{"update"}, Names: []string{"sg-0a1b"}}, {Resource: "aws_instance.a", Actions: []string{"create"}}},
		store.Term{Kind: store.TermPerson, Term: "Mei"}, store.Term{Kind: store.TermRule, Term: "IM-06", N: 1}, store.Term{Kind: store.TermCommit, Term: commit})
	record("d-two", 2, []store.Resource{{Resource: "v1/Pod/shop/web", Actions: []string{"update"}}}, store.Term{Kind: store.TermFile, Term: "k8s/web.yaml"}, store.Term{Kind: store.TermPerson, Term: "mei"})
	record("d-three", 3, nil, store.Term{Kind: store.TermFile, Term: "README.md"})
	db.Close()

	who := func(args ...string) (int, string) {
		var out, log bytes.Buffer
		w := &world{in: strings.NewReader(""), out: &out, err: &log, environ: []string{"GATEHOUSE_DATABASE_URL=" + url}, clock: time.Now}
		status := w.run(context.Background(), append([]string{"audit", "who", "-o", "csv"}, args...))
		var got []string
		for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			if cells := strings.Split(line, ","); i > 0 && len(cells) > 9 {
				got = append(got, cells[9]+" "+cells[2])
			}
		}
		return status, strings.Join(got, "; ") + log.String()
	}
	one, two, three := "d-one aws_security_group.web", "d-two v1/Pod/shop/web", "d-three (no resource)"
	for _, c := range []struct {
		args string
		want string
	}{
		{"aws_security_group.web", one}, {"aws_*", "d-one aws_instance.a; " + one}, {"v1/Pod/shop/*", two}, {"sg-0a1b", one}, {"--in name sg-*", one},
		{"k8s/web.yaml", two}, {"*.md", three}, {"im-06", "d-one aws_instance.a and others"}, {"@MEI", two + "; d-one aws_instance.a and others"},
		{commit, "d-one aws_instance.a and others"}, {commit[:9], "d-one aws_instance.a and others"}, {"--in resource sg-0a1b", one}, {"nothing", ""},
		{"--in person mei --limit 1", two},
	} {
		status, got := who(strings.Fields(c.args)...)
		if diff := cmp.Diff(fmt.Sprint(exitPass, " ", c.want), fmt.Sprint(status, " ", got)); diff != "" {
			t.Errorf("who %s (-want +got):\n%s", c.args, diff)
		}
	}
	if status, said := who("--in", "colour", "red"); status != exitUsage || !strings.Contains(said, "wanted: resource, name, file, rule, person, commit") {
		t.Errorf("status %d: %s", status, said)
	}
}
