package people

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
	waiver  string // on main, for the bad Pod: "" none, "in force", "expired"
	glass   glass
}

// lapse is one thing that a gate might forget. A model with a lapse allows what the model forbids, and a story tells the two apart when it
// comes to such a moment: only then does it notice a gate that has the lapse.
type lapse string

const (
	none            lapse = ""
	deniedLands     lapse = "what the rules deny may merge"
	expiredHolds    lapse = "an expired waiver holds"
	waiverElsewhere lapse = "a waiver holds for another branch"
	strangersCount  lapse = "approvals from outside the team count"
	writersCount    lapse = "who wrote it may approve"
	oldCounts       lapse = "an approval of another change counts"
	otherBaseCounts lapse = "an approval of a merge into another branch counts"
	refusalIgnored  lapse = "nobody minds who asks for changes"
	glassAnyHead    lapse = "a broken glass holds for any head"
	glassAnyBase    lapse = "a broken glass holds for any branch"
	glassAtOnce     lapse = "a broken glass needs nobody to confirm"
	glassInQueue    lapse = "a broken glass holds in the merge queue"
)

// lapses are all of them.
func lapses() []lapse {
	return []lapse{
		deniedLands, expiredHolds, waiverElsewhere, strangersCount, writersCount, oldCounts, otherBaseCounts, refusalIgnored,
		glassAnyHead, glassAnyBase, glassAtOnce, glassInQueue,
	}
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
func (m *model) denied(but lapse) bool {
	holds := m.waiver == "in force" || m.waiver == "expired" && but == expiredHolds
	return m.now.bad && but != deniedLands && !(holds && (m.now.base == "main" || but == waiverElsewhere))
}

// agreed says whether people have: one member of the team who did not write it has approved exactly this, and nobody who may write still
// asks for changes.
func (m *model) agreed(but lapse) bool {
	approved := false
	for who, o := range m.opinion {
		if !o.approves && but != refusalIgnored {
			return false
		}
		of := o.of
		switch but {
		case oldCounts:
			of.value, of.bad = m.now.value, m.now.bad
		case otherBaseCounts:
			of.base, of.along = m.now.base, m.now.along
		}
		approved = approved || o.approves && (m.team[who] || but == strangersCount) && (!m.wrote[who] || but == writersCount) && of == m.now
	}
	return approved
}

// allows says whether the change may merge at a head.
func (m *model) allows(head string, but lapse) bool {
	broken := m.glass.broken || m.glass.by != "" && but == glassAtOnce
	here := (m.glass.head == head || but == glassAnyHead) && (m.glass.base == m.now.base || but == glassAnyBase)
	return m.agreed(but) && !m.denied(but) || broken && here
}

// allowsGroup says whether it may land in a merge queue. A broken glass is for one head, and the group's is another: what the rules deny
// does not land in it.
func (m *model) allowsGroup(head string, but lapse) bool {
	return m.allows(head, but) && (!m.denied(but) || but == glassInQueue)
}

// play is one random story of a pull request.
type play struct {
	*place
	pr *githubsim.PR
	m  model
	r  *rand.Rand
	n  int

	told map[lapse]bool // by some moment of the story
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
	if p.r.IntN(2) == 0 {
		if did := p.dwell(); did != "" {
			return did
		}
	}
	switch n := p.r.IntN(20); {
	case n < 7:
		return p.push(n)
	case n < 12:
		return p.approve(p.reviewer())
	case n == 12:
		return p.askForChanges(p.reviewer())
	case n == 13:
		return p.retarget()
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
		return p.breakGlass([]string{"mei", "sam", "ann"}[p.r.IntN(3)], p.r.IntN(2) == 0)
	}
	return p.queue()
}

// dwell goes on from a moment that is rare to one at which a lapse would show; "" when this is no such moment.
func (p *play) dwell() string {
	g, agreed := p.m.glass, p.m.agreed(none)
	asked := g.by != "" && g.head == p.pr.HeadSHA() && g.base == p.m.now.base
	switch {
	case asked && g.broken:
		return []func() string{func() string { return p.push(0) }, p.retarget, p.queue}[p.r.IntN(3)]()
	case asked:
		return p.breakGlass(map[string]string{"mei": "sam", "sam": "mei"}[g.by], false)
	case agreed && p.m.now.bad && p.m.now.base == "main":
		return p.waive()
	case agreed && !p.m.now.bad:
		who := p.reviewer()
		if p.m.opinion[who].approves {
			who = map[string]string{"mei": "sam", "sam": "mei"}[who]
		}
		return p.askForChanges(who)
	case p.m.waiver == "in force" && p.m.now.bad && !agreed:
		return p.approve(p.reviewer())
	}
	return ""
}

func (p *play) approve(who string) string {
	p.m.opinion[who] = opinion{true, p.m.now, p.pr.Approve(who)}
	return who + " approves"
}

// askForChanges has somebody do so, or take back what they said before.
func (p *play) askForChanges(who string) string {
	if o, ok := p.m.opinion[who]; ok {
		o.review.Dismiss("vic", "no more")
		delete(p.m.opinion, who)
		return who + "'s review is dismissed"
	}
	p.m.opinion[who] = opinion{false, p.m.now, p.pr.RequestChanges(who, "not so")}
	return who + " asks for changes"
}

func (p *play) retarget() string {
	p.m.now.base = map[string]string{"main": "release", "release": "main"}[p.m.now.base]
	p.m.now.along = p.m.along()
	p.pr.Retarget("ann", p.m.now.base)
	return "retargeted to " + p.m.now.base
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
	p.m.waiver = []string{"in force", "expired", "expired"}[p.r.IntN(3)]
	end := time.Now().UTC().AddDate(0, 0, map[string]int{"in force": 3, "expired": -3}[p.m.waiver]).Format(time.DateOnly)
	p.onMain(map[string]string{".github/gatehouse-waivers.yml": fmt.Sprintf(
		"# %d\n- {rule: %s, resource: \"**\", reason: moving, owner: mei, expires: %s}\n", p.n, badRule, end)})
	return "a waiver until " + end
}

// breakGlass asks, or confirms, by somebody who may or may not.
func (p *play) breakGlass(who string, asks bool) string {
	head, g := p.pr.HeadSHA(), &p.m.glass
	if asks {
		p.pr.Comment(who, "/gatehouse break-glass the site is down")
		if p.m.team[who] && !p.m.allows(head, none) {
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
	for _, l := range lapses() {
		p.told[l] = p.told[l] || p.m.allowsGroup(p.pr.HeadSHA(), l) != p.m.allowsGroup(p.pr.HeadSHA(), none)
	}
	state, want := p.State(g.HeadSHA()), p.m.allowsGroup(p.pr.HeadSHA(), none)
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
	const stories = 5
	told := [stories]map[lapse]bool{}
	t.Run("stories", func(t *testing.T) {
		for seed := range uint64(stories) {
			told[seed] = map[lapse]bool{}
			t.Run(fmt.Sprint(seed), func(t *testing.T) { tell(t, seed, told[seed]) })
		}
	})
	for _, l := range lapses() {
		if !slices.ContainsFunc(told[:], func(m map[lapse]bool) bool { return m[l] }) {
			t.Errorf("no story comes to a moment at which it shows that %s; they must be longer, or likelier to", l)
		}
	}
}

// tell plays one story, and notes which lapses it would have noticed.
func tell(t *testing.T, seed uint64, told map[lapse]bool) {
	const steps = 40
	in := watchful("approvals: {from: {teams: [acme/dba]}}\nbreak_glass: {teams: [acme/dba], approvals: 1, expires: 1h}\n", nil)
	in.GitHub.Unlimited = true // so much in so short a time would have to wait
	s := newPlace(t, in)
	s.Repo.CreateBranch("vic", "release", "main")
	s.Repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
	p := &play{place: s, r: rand.New(rand.NewPCG(seed, 7)), told: told, m: model{
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
	if p.m.allows(p.pr.HeadSHA(), none) {
		if _, err := p.pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
			t.Errorf("it does not merge: %v", err)
		}
	}
}

// compare holds what GitHub shows against the model, and tries to merge what must not.
func (p *play) compare() {
	p.T.Helper()
	for _, l := range lapses() {
		p.told[l] = p.told[l] || p.m.allows(p.pr.HeadSHA(), l) != p.m.allows(p.pr.HeadSHA(), none)
	}
	state, want := p.State(p.pr.HeadSHA()), p.m.allows(p.pr.HeadSHA(), none)
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
