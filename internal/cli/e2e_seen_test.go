package cli

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const longFile = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"

// branched is a pull request that changes a line of notes.md, approved by mei, and a base branch that has moved on in the same file.
func branched(t *testing.T) (*site, *githubsim.PR) {
	s := newSite(t, setup{files: map[string]string{"notes.md": longFile}})
	pr := s.open("ann", "fix", map[string]string{"notes.md": strings.Replace(longFile, "two", "TWO", 1)})
	pr.Approve("mei")
	s.shows(pr, clear1)
	other := s.open("sam", "other", map[string]string{"notes.md": strings.Replace(longFile, "eight", "EIGHT", 1), "more.md": "more\n"})
	other.Approve("mei")
	s.merges(other, clear1)
	return s, pr
}

func TestE2EMergingTheBaseKeepsApprovals(t *testing.T) {
	s, pr := branched(t)
	if err := pr.UpdateBranch("ann"); err != nil {
		t.Fatal(err)
	}
	s.merges(pr, clear1)
}

// The button "Update branch" brings nothing that anybody would look at, so whoever presses it may approve, before or after. A merge of the
// base that does more is a contribution.
func TestE2EWhoUpdatesTheBranchMayApprove(t *testing.T) {
	s, pr := branched(t)
	if err := pr.UpdateBranch("mei"); err != nil {
		t.Fatal(err)
	}
	s.shows(pr, clear1)
	pr.Push(githubsim.CommitSpec{Author: "mei", MergeParents: []string{"main"}, Files: map[string]string{"more.md": "and this\n"}})
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei** wrote commit "+pr.HeadSHA()[:7])
}

func TestE2EARebaseKeepsApprovals(t *testing.T) {
	s, pr := branched(t)
	both := strings.Replace(strings.Replace(longFile, "two", "TWO", 1), "eight", "EIGHT", 1)
	pr.ForcePush(githubsim.CommitSpec{Files: map[string]string{"notes.md": both}})
	s.merges(pr, clear1)
}

func TestE2EARebaseThatDoesMoreEndsApprovals(t *testing.T) {
	s, pr := branched(t)
	approved := pr.HeadSHA()
	more := strings.Replace(strings.Replace(longFile, "two", "TWO", 1), "nine", "NINE", 1) // and takes the other change back
	pr.ForcePush(githubsim.CommitSpec{Files: map[string]string{"notes.md": more}})
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei** approved "+approved[:7]+", but since then notes.md changed")
}

func TestE2EAMergeOfTheBaseThatHidesAChangeEndsApprovals(t *testing.T) {
	s, pr := branched(t)
	if err := pr.UpdateBranch("ann"); err != nil {
		t.Fatal(err)
	}
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"more.md": "evil\n"}})
	s.blocked(pr, waitsFor1)
	s.says(pr, "but since then more.md changed")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"more.md": "more\n"}})
	s.merges(pr, clear1) // what was approved is there again
}

func TestE2EAnotherPlanEndsApprovals(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "replace", story(t, "ssh-vpn"))
	pr.Approve("mei")
	s.settle()
	approved := pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: story(t, "database")})
	s.settle()
	s.says(pr, "mei** approved "+approved[:7]+", but since then", "it now replaces aws_db_instance.main")
}

func TestE2EApprovalsOfTwoHeadsAreEachForTheirOwn(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile("approvals: {required: 2}\n")}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.settle()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	pr.Approve("sam")
	s.blocked(pr, "in_progress: Waiting for 1 more approval")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "one\n"}})
	s.blocked(pr, "in_progress: Waiting for 1 more approval")
	s.says(pr, "sam** approved")
	pr.Approve("sam")
	s.merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}
