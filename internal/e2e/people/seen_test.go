package people

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// branched is a pull request that changes a line of notes.md, approved by mei, and a base branch that has moved on in the same file.
func branched(t *testing.T) (*place, *githubsim.PR) {
	s := newPlace(t, site.Setup{Files: map[string]string{"notes.md": site.LongFile}})
	pr := s.Open("ann", "fix", map[string]string{"notes.md": strings.Replace(site.LongFile, "two", "TWO", 1)})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	other := s.Open("sam", "other", map[string]string{"notes.md": strings.Replace(site.LongFile, "eight", "EIGHT", 1), "more.md": "more\n"})
	other.Approve("mei")
	s.Merges(other, site.Clear1)
	return s, pr
}

func TestMergingTheBaseKeepsApprovals(t *testing.T) {
	s, pr := branched(t)
	if err := pr.UpdateBranch("ann"); err != nil {
		t.Fatal(err)
	}
	s.Merges(pr, site.Clear1)
}

// The button "Update branch" brings nothing that anybody would look at, so whoever presses it may approve, before or after. A merge of the
// base that does more is a contribution.
func TestWhoUpdatesTheBranchMayApprove(t *testing.T) {
	s, pr := branched(t)
	if err := pr.UpdateBranch("mei"); err != nil {
		t.Fatal(err)
	}
	s.Shows(pr, site.Clear1)
	pr.Push(githubsim.CommitSpec{Author: "mei", MergeParents: []string{"main"}, Files: map[string]string{"more.md": "and this\n"}})
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei** wrote commit "+pr.HeadSHA()[:7])
}

func TestARebaseKeepsApprovals(t *testing.T) {
	s, pr := branched(t)
	both := strings.Replace(strings.Replace(site.LongFile, "two", "TWO", 1), "eight", "EIGHT", 1)
	pr.ForcePush(githubsim.CommitSpec{Files: map[string]string{"notes.md": both}})
	s.Merges(pr, site.Clear1)
}

func TestARebaseThatDoesMoreEndsApprovals(t *testing.T) {
	s, pr := branched(t)
	approved := pr.HeadSHA()
	more := strings.Replace(strings.Replace(site.LongFile, "two", "TWO", 1), "nine", "NINE", 1) // and takes the other change back
	pr.ForcePush(githubsim.CommitSpec{Files: map[string]string{"notes.md": more}})
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei** approved "+approved[:7]+", but since then notes.md changed")
}

func TestAMergeOfTheBaseThatHidesAChangeEndsApprovals(t *testing.T) {
	s, pr := branched(t)
	if err := pr.UpdateBranch("ann"); err != nil {
		t.Fatal(err)
	}
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"more.md": "evil\n"}})
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "but since then more.md changed")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"more.md": "more\n"}})
	s.Merges(pr, site.Clear1) // what was approved is there again
}

func TestAnotherPlanEndsApprovals(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "replace", site.Story(t, "ssh-vpn"))
	pr.Approve("mei")
	s.Settle()
	approved := pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: site.Story(t, "database")})
	s.Settle()
	s.Says(pr, "mei** approved "+approved[:7]+", but since then", "it now replaces aws_db_instance.main")
}

func TestApprovalsOfTwoHeadsAreEachForTheirOwn(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n")}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Settle()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	pr.Approve("sam")
	s.Blocked(pr, "in_progress: Waiting for 1 more approval")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "one\n"}})
	s.Blocked(pr, "in_progress: Waiting for 1 more approval")
	s.Says(pr, "sam** approved")
	pr.Approve("sam")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}
