package people

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestRulesOnWhoAndHowMuch(t *testing.T) {
	s := governed(t, `
approvals:
  required: 0
  rules:
    - {name: outsiders, when: {author: {teams: [acme/dba]}}, unless: {signed: true}, required: 1, from: {users: [vic]}}
    - {name: large, when: {size: {lines_over: 3}, properties: {tier: [one]}}, required: 1}
    - {name: wide, when: {size: {lines_over: 3}}, required: 1, from: {users: [ann]}}
`)
	clear := "completed/success: All clear: N documents, N rules"
	s.Shows(s.Open("ann", "small", map[string]string{"notes.md": "one\ntwo\n"}), clear)
	s.Blocked(s.Open("sam", "theirs", map[string]string{"more.md": "one\n"}), "in_progress: Waiting for 1 approval from vic")
	large := s.Open("mei", "large", map[string]string{"large.md": "1\n2\n3\n4\n"})
	s.Blocked(large, "in_progress: Waiting for 1 approval from vic and 1 approval from ann")
	s.Says(large, "mei opened it", "it has 4 changed lines", "(outsiders)", "(wide)")
	large.Approve("ann")
	large.Approve("vic")
	s.Settle()
	if _, err := large.Merge("mei", githubsim.MergeOptions{}); err != nil {
		t.Error(err)
	}
}
