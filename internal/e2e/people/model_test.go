package people

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// seenChange is all that an approval can be of, in the model: what the files say, where they go, and which commits of main come along when
// they do not go into main.
type seenChange struct {
	value, base string
	bad         bool // it brings a Pod that the rules deny
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
	waived  bool // main has a waiver in force for the bad Pod
	glass   glass
}

// glass is the last call to break it: for one head and one branch.
type glass struct {
	by, head, base string
	broken         bool
}

// along is what comes with the change into its base.
func (m *model) along() int {
	if m.now.base == "main" {
		return 0
	}
	return m.merged
}

// denied says whether the rules speak against the change. Waivers are read from the branch that it goes into.
func (m *model) denied() bool { return m.now.bad && !(m.waived && m.now.base == "main") }

// agreed says whether people have: one member of the team who did not write it has approved exactly this, and nobody who may write still
// asks for changes.
func (m *model) agreed() bool {
	approved := false
	for who, o := range m.opinion {
		if !o.approves {
			return false
		}
		approved = approved || m.team[who] && !m.wrote[who] && o.of == m.now
	}
	return approved
}

// allows says whether the change may merge at a head.
func (m *model) allows(head string) bool {
	return m.agreed() && !m.denied() || m.glass.broken && m.glass.head == head && m.glass.base == m.now.base
}

// allowsGroup says whether it may land in a merge queue. A broken glass is for one head, and the group's is another: what the rules deny
// does not land in it.
func (m *model) allowsGroup(head string) bool { return m.allows(head) && !m.denied() }

// play is one random story of a pull request.
type play struct {
	*place
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

// reviewer is more often mei than sam, so that one person does several things.
func (p *play) reviewer() string { return []string{"mei", "mei", "sam"}[p.r.IntN(3)] }

// files are the change. A bad Pod that is taken back is an empty list of nothing: the path stays, so that force-pushes keep it simple.
func (p *play) files() map[string]string {
	pod := "# none\n"
	if p.m.now.bad {
		pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad, namespace: shop}\nspec: {hostNetwork: true, containers: [{name: c, image: \"c@sha256:" + strings.Repeat("0", 64) + "\"}]}\n"
	}
	return map[string]string{"change.md": p.m.now.value, "k8s/bad.yaml": pod}
}

// step does something that people do, to the simulated GitHub and to the model, and says what.
func (p *play) step() string {
	p.n++
	switch n := p.r.IntN(20); {
	case n < 7:
		return p.push(n)
	case n < 12:
		who := p.reviewer()
		p.m.opinion[who] = opinion{true, p.m.now, p.pr.Approve(who)}
		return who + " approves"
	case n == 12:
		who := p.reviewer()
		if o, ok := p.m.opinion[who]; ok {
			o.review.Dismiss("vic", "no more")
			delete(p.m.opinion, who)
			return who + "'s review is dismissed"
		}
		p.m.opinion[who] = opinion{false, p.m.now, p.pr.RequestChanges(who, "not so")}
		return who + " asks for changes"
	case n == 13:
		p.m.now.base = map[string]string{"main": "release", "release": "main"}[p.m.now.base]
		p.m.now.along = p.m.along()
		p.pr.Retarget("ann", p.m.now.base)
		return "retargeted to " + p.m.now.base
	case n == 14:
		who := p.reviewer()
		if p.m.team[who] = !p.m.team[who]; p.m.team[who] {
			p.DBA.Add(who)
		} else {
			p.DBA.Remove(who)
		}
		return fmt.Sprintf("%s in the team: %v", who, p.m.team[who])
	case n == 15:
		return p.waive()
	case n < 19:
		return p.breakGlass()
	}
	return p.queue()
}

// push changes what the branch holds, or what is below it.
func (p *play) push(n int) string {
	switch n {
	case 0, 1:
		p.m.now.value = p.value()
		if n == 1 {
			p.m.now.bad = !p.m.now.bad
		}
		p.pr.Push(githubsim.CommitSpec{Files: p.files()})
		return fmt.Sprintf("ann pushes, bad: %v", p.m.now.bad)
	case 2, 3:
		who := p.reviewer()
		p.m.now.value = p.value()
		p.m.wrote[who] = true
		p.pr.Push(githubsim.CommitSpec{Author: who, Files: p.files()})
		return who + " pushes"
	case 4:
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
		p.pr.ForcePush(githubsim.CommitSpec{Message: fmt.Sprintf("Again %d", p.n), Files: p.files()})
		return fmt.Sprintf("ann forces the branch onto the base, the same change: %v", keep)
	}
	p.onMain(map[string]string{fmt.Sprintf("main-%d.md", p.m.main+1): "main\n"})
	if p.m.now.base != "main" {
		return "main moves on"
	}
	who := []string{"ann", "mei", "sam"}[p.r.IntN(3)] // whoever presses the button has written nothing
	if err := p.pr.UpdateBranch(who); err != nil {
		p.T.Fatal(err)
	}
	p.m.merged = p.m.main
	return "main moves on, and " + who + " updates the branch"
}

func (p *play) onMain(files map[string]string) {
	p.m.main++
	p.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: files})
}

// waive puts a waiver on main: in force, or expired.
func (p *play) waive() string {
	p.m.waived = p.r.IntN(2) == 0
	end := time.Now().UTC().AddDate(0, 0, map[bool]int{true: 3, false: -3}[p.m.waived]).Format(time.DateOnly)
	p.onMain(map[string]string{".github/gatehouse-waivers.yml": fmt.Sprintf(
		"# %d\n- {rule: %s, resource: \"**\", reason: moving, owner: mei, expires: %s}\n", p.n, badRule, end)})
	return "a waiver until " + end
}

// breakGlass asks, or confirms, by somebody who may or may not.
func (p *play) breakGlass() string {
	who, head := []string{"mei", "sam", "ann"}[p.r.IntN(3)], p.pr.HeadSHA()
	g := &p.m.glass
	if p.r.IntN(2) == 0 {
		p.pr.Comment(who, "/gatehouse break-glass the site is down")
		if p.m.team[who] && !p.m.allows(head) {
			*g = glass{by: who, head: head, base: p.m.now.base}
		}
		return who + " wants to break the glass"
	}
	p.pr.Comment(who, "/gatehouse approve-break-glass")
	if p.m.team[who] && g.by != "" && g.by != who && g.head == head && g.base == p.m.now.base {
		g.broken = true
	}
	return who + " confirms"
}

// queue has a merge group made of the pull request, and looks at what the gate says of it. One that must not land is tried to be landed.
func (p *play) queue() string {
	protected := githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: p.App.ID()}}}
	p.Repo.Protect(p.m.now.base, githubsim.Protection{}) // the gate may have changed its mind since it was queued
	g, err := p.Repo.Queue("ann", p.r.IntN(2) == 0, p.pr)
	p.Repo.Protect(p.m.now.base, protected)
	if err != nil {
		p.T.Fatal(err)
	}
	p.Settle()
	state, want := p.State(g.HeadSHA()), p.m.allowsGroup(p.pr.HeadSHA())
	if strings.HasPrefix(state, "completed/success") != want {
		p.T.Fatalf("the model lets the group land: %v; the gate says %q of it", want, state)
	}
	if !want && g.Land() == nil {
		p.T.Fatal("a group landed that the model forbids")
	}
	return "queued"
}

// badRule is the one rule that the bad Pod breaks.
const badRule = "PSS-B-HostNamespaces"

// TestNoMergeThatTheModelForbids plays random stories. After each step the gate must say what the model says, both ways, and the
// simulated GitHub must refuse every merge that the model forbids.
func TestNoMergeThatTheModelForbids(t *testing.T) {
	const steps = 30
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := watching(t, "approvals: {from: {teams: [acme/dba]}}\nbreak_glass: {teams: [acme/dba], approvals: 1, expires: 1h}\n", nil)
			s.Repo.CreateBranch("vic", "release", "main")
			s.Repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
			p := &play{place: s, r: rand.New(rand.NewPCG(seed, 7)), m: model{
				now: seenChange{value: "value 0\n", base: "main", bad: seed%2 == 1}, wrote: map[string]bool{},
				team: map[string]bool{"mei": true, "sam": true}, opinion: map[string]opinion{},
			}}
			p.pr = s.Open("ann", "change", p.files())
			var story []string
			defer func() {
				if t.Failed() {
					t.Logf("the story:\n- %s", strings.Join(story, "\n- "))
				}
			}()
			s.Settle()
			for range steps {
				story = append(story, p.step())
				s.Settle()
				p.compare()
			}
			if p.m.allows(p.pr.HeadSHA()) {
				if _, err := p.pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
					t.Errorf("it does not merge: %v", err)
				}
			}
		})
	}
}

// compare holds what GitHub shows against the model, and tries to merge what must not.
func (p *play) compare() {
	p.T.Helper()
	state, want := p.State(p.pr.HeadSHA()), p.m.allows(p.pr.HeadSHA())
	if strings.HasPrefix(state, "completed/success") != want {
		p.T.Fatalf("the model allows it: %v; the gate says %q", want, state)
	}
	if want {
		return
	}
	if _, err := p.pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		p.T.Fatal("it merged, and the model forbids it")
	}
}
