package documents

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// What stands in a tree and has no content of its own there: links, submodules, pointers of Git LFS. None of it gets anything past the
// gate, and none of it is passed over in silence.
func TestLinksSubmodulesAndPointers(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		"infra/prod/prod.tfplan.json": "", "infra/prod/main.tf": "", "shared/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
		".github/gatehouse.yml": strings.Replace(site.GateFile("approvals: {required: 0}\nkubernetes: {paths: [\"k8s/**\", \"shared/**\"]}\n"), "    - {dir: infra/prod, environment: production}\n", "    - {dir: infra}\n", 1),
	}})
	other := strings.Repeat("1", 40)
	for _, c := range []struct {
		name   string
		commit githubsim.CommitSpec
		want   string // "" passes
		says   string
	}{
		{"out", githubsim.CommitSpec{Links: map[string]string{"docs/passwd": "../../../etc/passwd"}},
			`docs/passwd is a symbolic link out of the repository, to "../../../etc/passwd"; nobody can tell what stands there`, "docs/passwd"},
		{"absolute", githubsim.CommitSpec{Links: map[string]string{"docs/token": "/run/secrets/token"}},
			`docs/token is a symbolic link out of the repository, to "/run/secrets/token"; nobody can tell what stands there`, "docs/token"},
		{"inside", githubsim.CommitSpec{Links: map[string]string{"docs/pod.yaml": "../shared/pod.yaml"}},
			"", `is a symbolic link; "../shared/pod.yaml" is judged where it stands, not under this name`},
		{"configured", githubsim.CommitSpec{Links: map[string]string{"k8s/pod.yaml": "../docs/pod.yaml"}},
			`k8s/pod.yaml is a symbolic link to "../docs/pod.yaml", which is not in the repository`, "k8s/pod.yaml"},
		{"instead", githubsim.CommitSpec{Links: map[string]string{"shared/pod.yaml": "../README.md"}},
			`shared/pod.yaml is a symbolic link; "../README.md" is judged where it stands, not under this name`, "shared/pod.yaml"},
		{"submodule", githubsim.CommitSpec{Submodules: map[string]string{"vendor/lib": other}},
			"", "is a submodule: a commit of another repository, which is not judged"},
		{"deployed", githubsim.CommitSpec{Submodules: map[string]string{"k8s/vendor": other}},
			"k8s/vendor is a submodule: a commit of another repository, which is not judged", "k8s/vendor"},
		{"pointer", githubsim.CommitSpec{Files: map[string]string{"k8s/large.yaml": lfsPointer}},
			"k8s/large.yaml:1 is kept in Git LFS, so its content is not in the repository and cannot be judged", "k8s/large.yaml"},
		{"plan", githubsim.CommitSpec{Files: map[string]string{"infra/a.tfplan.json": lfsPointer}},
			"infra/a.tfplan.json:1 is kept in Git LFS, so its content is not in the repository and cannot be judged", "infra/a.tfplan.json"},
		{"pipeline", githubsim.CommitSpec{Files: map[string]string{"Jenkinsfile": lfsPointer}},
			"Jenkinsfile:1 is a file that is kept in Git LFS, so its content is not in the repository and cannot be judged", "Jenkinsfile"},
	} {
		c.commit.Author = "ann"
		c.commit.Files = mergeFiles(c.commit.Files, map[string]string{"notes/" + c.name + ".md": "x\n"})
		if _, linked := c.commit.Links["shared/pod.yaml"]; linked {
			c.commit.Delete = []string{"shared/pod.yaml"}
		}
		s.Repo.Commit(c.name, c.commit)
		pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: c.name, Head: c.name})
		s.Settle()
		got := s.State(pr.HeadSHA())
		if want := site.CouldNot + c.want; c.want != "" && !strings.HasPrefix(got, want) || c.want == "" && !strings.HasPrefix(got, "completed/success") {
			t.Errorf("%s: the check shows %q", c.name, got)
		}
		s.Says(pr, c.says)
	}
	s.Up()
}

func mergeFiles(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for path, content := range m {
			out[path] = content
		}
	}
	return out
}
