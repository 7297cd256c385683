package forge

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Bounds of what is remembered about people.
const (
	maxMembers    = 10000            // answers
	maxMembersAge = 10 * time.Minute // after which an answer is forgotten, should the event that ends it never come
)

// members remembers what people may do and which teams they are in, for a short time. What is remembered serves to say what is missing;
// the caller asks GitHub again before it lets something pass. Answers are dropped when an event says that something has changed.
type members struct {
	clock func() time.Time

	mu      sync.Mutex
	entries map[string]*list.Element
	order   *list.List // of *member, the last used first
	drops   int        // how often something was dropped
}

type member struct {
	key, account string // account: whose people it is about
	answer       any
	asked        time.Time
}

func newMembers(clock func() time.Time) *members {
	return &members{clock: clock, entries: map[string]*list.Element{}, order: list.New()}
}

// now is when a question is asked: an answer to a question from before a drop is not kept.
func (m *members) now() (at time.Time, drops int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clock(), m.drops
}

func (m *members) keep(account string, asked time.Time, drops int, answer any, key ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if drops != m.drops {
		return
	}
	e := &member{key: memberKey(key), account: strings.ToLower(account), answer: answer, asked: asked}
	if old := m.entries[e.key]; old != nil {
		m.remove(old)
	}
	m.entries[e.key] = m.order.PushFront(e)
	for len(m.entries) > maxMembers {
		m.remove(m.order.Back())
	}
}

func (m *members) get(key ...string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	el := m.entries[memberKey(key)]
	if el == nil {
		return nil, false
	}
	if m.clock().Sub(el.Value.(*member).asked) >= maxMembersAge {
		m.remove(el)
		return nil, false
	}
	m.order.MoveToFront(el)
	return el.Value.(*member).answer, true
}

// drop forgets everything about the people of an account.
func (m *members) drop(account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drops++
	for el := m.order.Front(); el != nil; {
		next := el.Next()
		if el.Value.(*member).account == strings.ToLower(account) {
			m.remove(el)
		}
		el = next
	}
}

func (m *members) remove(el *list.Element) {
	delete(m.entries, m.order.Remove(el).(*member).key)
}

// memberKey joins parts that hold no NUL. GitHub's names do not depend on case.
func memberKey(parts []string) string { return strings.ToLower(strings.Join(parts, "\x00")) }

// ForgetPeople drops what is remembered about the people of an account: what they may do in its repositories, and who is in its teams.
// Whoever hears of a change calls it.
func (a *App) ForgetPeople(account string) { a.members.drop(account) }

// teamsOf is a repository's view of an organisation's teams: an installation sees those of its own organisation only, so for another one
// it takes the App's installation there.
func (r *Repo) teamsOf(ctx context.Context, org string) (*Repo, error) {
	if strings.EqualFold(org, r.owner) {
		return r, nil
	}
	asked, drops := r.app.members.now()
	if id, known := r.app.members.get("installation", org); known {
		return r.app.Repo(id.(int64), r.owner, r.name), nil
	}
	var out struct {
		ID int64 `json:"id"`
	}
	c := call{what: "the App's installation on " + org}
	_, err := r.app.do(ctx, c, http.MethodGet, "orgs/"+org+"/installation", nil, &out)
	if errors.As(err, new(NotFound)) {
		return nil, MissingPermission{
			What: "the teams of " + org, Permission: fmt.Sprintf("members=read of %s, where it is not installed", org), Message: "Not Found",
		}
	}
	if err != nil {
		return nil, err
	}
	r.app.members.keep(org, asked, drops, out.ID, "installation", org)
	return r.app.Repo(out.ID, r.owner, r.name), nil
}
