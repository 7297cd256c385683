package cli

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// seenChange is all that an approval can be of, in the model: what the one file says, where it goes, and which commits of main come
// along when it does not go into main.
type seenChange struct {
	value, base string
	along       int
}

// opinion is what somebody last said.
type opinion struct {
	approves bool
	of       seenChange
	review   *githubsim.Review
}

// model knows who has approved what, in a few lines that share nothing with the gate: no digests, no facts, no git.
type model struct {
	now     seenChange
	main    int // commits that main has got since the beginning
	merged  int // of those, the ones that the branch holds
	wrote   map[string]bool
	team    map[string]bool
	opinion map[string]opinion
}

// along is what comes with the change into its base.
func (m *model) along() int {
	if m.now.base == "main" {
		return 0
	}
	return m.merged
}

// allows says whether the change may merge: one member of the team who did not write it has approved exactly this, and nobody who may
// write still asks for changes.
func (m *model) allows() bool {
	approved := false
	for who, o := range m.opinion {
		if !o.approves {
			return false
		}
		approved = approved || m.team[who] && !m.wrote[who] && o.of == m.now
	}
	return approved
}

// play is one random story of a pull request.
type play struct {
	*site
	pr *githubsim.PR
	m  model
	r  *rand.Rand
	n  int
}

func (p *play) value() string {
	for {
		if v := fmt.Sprintf("value %d\n", p.r.IntN(3)); v != p.m.now.value {
			return v
		}
	}
}

func (p *play) reviewer() string { return []string{"mei", "sam"}[p.r.IntN(2)] }

// step does something that people do, to the simulated GitHub and to the model, and says what.
func (p *play) step() string {
	p.n++
	switch p.r.IntN(11) {
	case 0:
		p.m.now.value = p.value()
		p.pr.Push(githubsim.CommitSpec{Files: map[string]string{"change.md": p.m.now.value}})
		return "ann pushes"
	case 1:
		who := p.reviewer()
		p.m.now.value = p.value()
		p.m.wrote[who] = true
		p.pr.Push(githubsim.CommitSpec{Author: who, Files: map[string]string{"change.md": p.m.now.value}})
		return who + " pushes"
	case 2:
		keep := p.r.IntN(2) == 0
		if !keep {
			p.m.now.value = p.value()
		}
		p.m.wrote = map[string]bool{}
		p.m.merged = 0
		if p.m.now.base == "main" {
			p.m.merged = p.m.main
		}
		p.m.now.along = p.m.along()
		p.pr.ForcePush(githubsim.CommitSpec{Message: fmt.Sprintf("Again %d", p.n), Files: map[string]string{"change.md": p.m.now.value}})
		return fmt.Sprintf("ann forces the branch onto the base, the same change: %v", keep)
	case 3, 4:
		p.m.main++
		p.repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{fmt.Sprintf("main-%d.md", p.m.main): "main\n"}})
		if p.m.now.base != "main" {
			return "main moves on"
		}
		if err := p.pr.UpdateBranch("ann"); err != nil {
			p.t.Fatal(err)
		}
		p.m.merged = p.m.main
		return "main moves on, and ann updates the branch"
	case 5, 6, 7:
		who := p.reviewer()
		p.m.opinion[who] = opinion{true, p.m.now, p.pr.Approve(who)}
		return who + " approves"
	case 8:
		who := p.reviewer()
		if o, ok := p.m.opinion[who]; ok {
			o.review.Dismiss("vic", "no more")
			delete(p.m.opinion, who)
			return who + "'s review is dismissed"
		}
		p.m.opinion[who] = opinion{false, p.m.now, p.pr.RequestChanges(who, "not so")}
		return who + " asks for changes"
	case 9:
		p.m.now.base = map[string]string{"main": "release", "release": "main"}[p.m.now.base]
		p.m.now.along = p.m.along()
		p.pr.Retarget("ann", p.m.now.base)
		return "retargeted to " + p.m.now.base
	}
	who := p.reviewer()
	if p.m.team[who] = !p.m.team[who]; p.m.team[who] {
		p.dba.Add(who)
	} else {
		p.dba.Remove(who)
	}
	p.pr.Label("ann", fmt.Sprintf("seen-%d", p.n)) // this App is not told of memberships; anything else makes it look again
	return fmt.Sprintf("%s in the team: %v", who, p.m.team[who])
}

// TestE2ENoMergeThatTheModelForbids plays random stories. After each step the gate must say what the model says, both ways, and the
// simulated GitHub must refuse every merge that the model forbids.
func TestE2ENoMergeThatTheModelForbids(t *testing.T) {
	const steps = 24
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := governed(t, "approvals: {from: {teams: [acme/dba]}}\n")
			s.repo.CreateBranch("vic", "release", "main")
			s.repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.app.ID()}}})
			p := &play{site: s, r: rand.New(rand.NewPCG(seed, 5)), m: model{
				now: seenChange{value: "value 0\n", base: "main"}, wrote: map[string]bool{},
				team: map[string]bool{"mei": true, "sam": true}, opinion: map[string]opinion{},
			}}
			p.pr = s.open("ann", "change", map[string]string{"change.md": p.m.now.value})
			var story []string
			for range steps {
				story = append(story, p.step())
				s.settle()
				state := s.state(p.pr.HeadSHA())
				passes := strings.HasPrefix(state, "completed/success")
				if passes != p.m.allows() {
					t.Fatalf("the model allows it: %v; the gate says %q after:\n- %s", p.m.allows(), state, strings.Join(story, "\n- "))
				}
				if passes {
					continue
				}
				if _, err := p.pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
					t.Fatalf("it merged, and the model forbids it, after:\n- %s", strings.Join(story, "\n- "))
				}
			}
			if p.m.allows() {
				if _, err := p.pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
					t.Errorf("it does not merge: %v", err)
				}
			}
		})
	}
}
