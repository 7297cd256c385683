package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
)

// maxRulesets is how many rulesets of a repository are read one by one.
const maxRulesets = 100

// ProtectedBranches lists the branches that GitHub calls protected, the first limit of them, in its order.
func (r *Repo) ProtectedBranches(ctx context.Context, limit int) ([]string, error) {
	var out []string
	c := call{what: "the protected branches", permission: "contents=read"}
	type branch struct {
		Name      string `json:"name"`
		Protected bool   `json:"protected"`
	}
	err := pages(ctx, r, c, "/branches?protected=true", func(b branch) bool {
		if b.Protected {
			out = append(out, b.Name)
		}
		return len(out) < limit
	})
	return out, err
}

// Protection reads everything that protects a branch: classic protection, and the rulesets of the repository and of those above
// it. What the reader may not see is named in Unread. An error is an outside failure that another attempt may mend, or [NotFound]
// for a branch or repository that is not there.
func (r *Repo) Protection(ctx context.Context, branch string, isDefault bool) (posture.Branch, error) {
	out := posture.Branch{Repository: r.owner + "/" + r.name, Name: branch, Default: isDefault}
	if err := r.classic(ctx, &out); err != nil {
		return out, err
	}
	return out, r.rulesets(ctx, &out)
}

const grantAdministration = "Grant the App the permission Administration: read, and let an owner accept it."

// notOffered is how GitHub says that a repository's plan has no protection at all.
const notOffered = "Upgrade to GitHub"

// classic reads classic protection; without administration rights, the part of it that everybody is shown.
func (r *Repo) classic(ctx context.Context, out *posture.Branch) error {
	var in classicAnswer
	var said string
	path := "/branches/" + url.PathEscape(out.Name)
	c := call{what: "the protection of " + gate.Printable(out.Name), permission: "administration=read", said: &said}
	_, err := r.do(ctx, c, http.MethodGet, path+"/protection", nil, &in)
	if errors.As(err, new(MissingPermission)) && !strings.Contains(said, notOffered) {
		// The token may be older than the permission. A new one is asked for, and with it once more.
		_, err = r.do(ctx, c, http.MethodGet, path+"/protection", nil, &in)
	}
	switch {
	case err == nil:
		out.Classic = in.protection()
		return nil
	case strings.Contains(said, "Branch not protected"), strings.Contains(said, notOffered):
		return nil
	case strings.Contains(said, "Branch not found"):
		return NotFound{What: "the branch " + gate.Printable(out.Name)}
	case !errors.As(err, new(NotFound)) && !errors.As(err, new(MissingPermission)):
		return err
	}
	// GitHub answers 404, or 403, to a reader without administration rights, whether there is protection or not.
	var shown struct {
		Protection *struct {
			Enabled bool           `json:"enabled"`
			Checks  requiredChecks `json:"required_status_checks"`
		} `json:"protection"`
	}
	c = call{what: "the branch " + gate.Printable(out.Name), permission: "contents=read"}
	_, err = r.do(ctx, c, http.MethodGet, path, nil, &shown)
	switch {
	case errors.As(err, new(MissingPermission)):
	case err != nil:
		return err
	case shown.Protection != nil && shown.Protection.Enabled:
		checks := shown.Protection.Checks
		out.Classic = &posture.Classic{Partial: true, Checks: checks.list(), EnforceAdmins: checks.Level == "everyone"}
		return nil
	case shown.Protection != nil:
		return nil
	}
	out.Unread = append(out.Unread, grantAdministration)
	return nil
}

// requiredChecks is GitHub's list of required checks. Servers before 3.3 give the names alone.
type requiredChecks struct {
	Level    string   `json:"enforcement_level"`
	Contexts []string `json:"contexts"`
	Checks   []struct {
		Context string `json:"context"`
		AppID   *int64 `json:"app_id"`
	} `json:"checks"`
}

func (c requiredChecks) list() []posture.Check {
	var out []posture.Check
	for _, x := range c.Checks {
		check := posture.Check{Name: x.Context}
		if x.AppID != nil && *x.AppID > 0 { // -1 stands for any source
			check.AppID = *x.AppID
		}
		out = append(out, check)
	}
	for _, name := range c.Contexts {
		if !slices.ContainsFunc(out, func(c posture.Check) bool { return c.Name == name }) {
			out = append(out, posture.Check{Name: name})
		}
	}
	return out
}

type enabled struct {
	Enabled bool `json:"enabled"`
}

// classicAnswer is GET /repos/{owner}/{repo}/branches/{branch}/protection.
// https://docs.github.com/rest/branches/branch-protection#get-branch-protection
type classicAnswer struct {
	Checks  *requiredChecks `json:"required_status_checks"`
	Admins  enabled         `json:"enforce_admins"`
	Force   enabled         `json:"allow_force_pushes"`
	Delete  enabled         `json:"allow_deletions"`
	Reviews *struct {
		Stale  bool `json:"dismiss_stale_reviews"`
		Count  int  `json:"required_approving_review_count"`
		Bypass struct {
			Users []struct {
				Login string `json:"login"`
			} `json:"users"`
			Teams []struct {
				Slug string `json:"slug"`
			} `json:"teams"`
			Apps []struct {
				Slug string `json:"slug"`
			} `json:"apps"`
		} `json:"bypass_pull_request_allowances"`
	} `json:"required_pull_request_reviews"`
}

func (in classicAnswer) protection() *posture.Classic {
	out := &posture.Classic{EnforceAdmins: in.Admins.Enabled, AllowForce: in.Force.Enabled, AllowDelete: in.Delete.Enabled}
	if in.Checks != nil {
		out.Checks = in.Checks.list()
	}
	if rv := in.Reviews; rv != nil {
		out.PullRequest, out.Reviews, out.DismissStale = true, rv.Count, rv.Stale
		for _, u := range rv.Bypass.Users {
			out.Without = append(out.Without, gate.Printable(u.Login))
		}
		for _, t := range rv.Bypass.Teams {
			out.Without = append(out.Without, "the team "+gate.Printable(t.Slug))
		}
		for _, a := range rv.Bypass.Apps {
			out.Without = append(out.Without, "the App "+gate.Printable(a.Slug))
		}
	}
	return out
}

// appliedRule is a rule of a ruleset as GET /repos/{owner}/{repo}/rules/branches/{branch} gives it: those that are active on the
// branch, from wherever they come. https://docs.github.com/rest/repos/rules#get-rules-for-a-branch
type appliedRule struct {
	Type       string          `json:"type"`
	Parameters json.RawMessage `json:"parameters"`
	RulesetID  int64           `json:"ruleset_id"`
	Source     string          `json:"ruleset_source"`
}

// ruleset is one ruleset whole. GitHub leaves bypass_actors out for readers who may not change it.
type ruleset struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Source      string `json:"source"`
	Target      string `json:"target"`
	Enforcement string `json:"enforcement"`
	Conditions  struct {
		RefName struct {
			Include []string `json:"include"`
			Exclude []string `json:"exclude"`
		} `json:"ref_name"`
	} `json:"conditions"`
	Rules  []appliedRule `json:"rules"`
	Bypass *[]struct {
		ID   *int64 `json:"actor_id"`
		Type string `json:"actor_type"`
		Mode string `json:"bypass_mode"`
	} `json:"bypass_actors"`
}

// rulesets reads the rules that GitHub applies to the branch, which rulesets they are from, and which rulesets would apply if
// they were active.
func (r *Repo) rulesets(ctx context.Context, out *posture.Branch) error {
	applied := map[int64]*posture.Ruleset{}
	var order []int64
	var said string
	c := call{what: "the rules of " + gate.Printable(out.Name), permission: "metadata=read", said: &said}
	err := pages(ctx, r, c, "/rules/branches/"+url.PathEscape(out.Name), func(in appliedRule) bool {
		rs := applied[in.RulesetID]
		if rs == nil {
			rs = &posture.Ruleset{ID: in.RulesetID, Name: fmt.Sprint(in.RulesetID), Source: gate.Printable(in.Source), Enforcement: "active", Applies: true}
			applied[in.RulesetID], order = rs, append(order, in.RulesetID)
		}
		in.into(rs)
		return true
	})
	if unreadable(err) {
		if !strings.Contains(said, notOffered) {
			out.Unread = append(out.Unread, "The rulesets could not be read; check that the App is installed on the repository.")
		}
		return nil
	} else if err != nil {
		return err
	}
	var listed []ruleset
	c = call{what: "the rulesets", permission: "metadata=read"}
	err = pages(ctx, r, c, "/rulesets?includes_parents=true", func(in ruleset) bool {
		if in.Target == "branch" && (applied[in.ID] != nil || in.Enforcement != "active") {
			listed = append(listed, in)
		}
		return len(listed) < maxRulesets
	})
	if err != nil && !unreadable(err) {
		return err
	}
	for _, in := range listed {
		if err := r.detail(ctx, in, applied, out); err != nil {
			return err
		}
	}
	for _, id := range order {
		out.Rulesets = append(out.Rulesets, *applied[id])
	}
	slices.SortStableFunc(out.Rulesets, func(a, b posture.Ruleset) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// detail completes a ruleset that applies with its name and exceptions, and adds one that would apply if it were active.
func (r *Repo) detail(ctx context.Context, in ruleset, applied map[int64]*posture.Ruleset, out *posture.Branch) error {
	whole := in
	c := call{what: fmt.Sprintf("the ruleset %d", in.ID), permission: "metadata=read"}
	_, err := r.do(ctx, c, http.MethodGet, fmt.Sprintf("/rulesets/%d?includes_parents=true", in.ID), nil, &whole)
	if err != nil && !unreadable(err) {
		return err
	}
	rs := applied[in.ID]
	if rs == nil {
		names := whole.Conditions.RefName
		if !posture.Covers(names.Include, names.Exclude, out.Name, out.Default) {
			return nil
		}
		rs = &posture.Ruleset{ID: in.ID, Source: gate.Printable(in.Source), Enforcement: in.Enforcement}
		for _, rule := range whole.Rules {
			rule.into(rs)
		}
	}
	rs.Name = gate.Shorten(gate.Printable(whole.Name), 100)
	if whole.Bypass != nil {
		rs.BypassKnown = true
		for _, a := range *whole.Bypass {
			actor := posture.Actor{Type: gate.Printable(a.Type), Mode: gate.Printable(a.Mode)}
			if a.ID != nil {
				actor.ID = *a.ID
			}
			rs.Bypass = append(rs.Bypass, actor)
		}
	}
	if !rs.Applies {
		out.Rulesets = append(out.Rulesets, *rs)
	}
	return nil
}

// unreadable says that GitHub does not show it to this reader.
func unreadable(err error) bool {
	return errors.As(err, new(NotFound)) || errors.As(err, new(MissingPermission))
}

// into adds what a rule asks for. Rules of other kinds do not matter to the gate.
func (in appliedRule) into(rs *posture.Ruleset) {
	switch in.Type {
	case "non_fast_forward":
		rs.BlockForce = true
	case "deletion":
		rs.BlockDelete = true
	case "pull_request":
		var p struct {
			Count int  `json:"required_approving_review_count"`
			Stale bool `json:"dismiss_stale_reviews_on_push"`
		}
		if json.Unmarshal(in.Parameters, &p) == nil { // else it asks for nothing that we know of
			rs.PullRequest, rs.Reviews, rs.DismissStale = true, max(rs.Reviews, p.Count), rs.DismissStale || p.Stale
		}
	case "required_status_checks":
		var p struct {
			Checks []struct {
				Context string `json:"context"`
				AppID   *int64 `json:"integration_id"`
			} `json:"required_status_checks"`
		}
		if json.Unmarshal(in.Parameters, &p) != nil {
			return
		}
		for _, c := range p.Checks {
			check := posture.Check{Name: c.Context}
			if c.AppID != nil && *c.AppID > 0 {
				check.AppID = *c.AppID
			}
			rs.Checks = append(rs.Checks, check)
		}
	}
}

// Ruleset is the repository's own branch ruleset of a name, as it would be written back; nil when there is none.
func (r *Repo) Ruleset(ctx context.Context, name string) (*posture.Rules, error) {
	id := int64(0)
	c := call{what: "the rulesets", permission: "metadata=read"}
	err := pages(ctx, r, c, "/rulesets?includes_parents=false", func(in ruleset) bool {
		if in.Name == name && in.Target == "branch" {
			id = in.ID
		}
		return id == 0
	})
	if err != nil || id == 0 {
		return nil, err
	}
	var out posture.Rules
	c.what = fmt.Sprintf("the ruleset %d", id)
	_, err = r.do(ctx, c, http.MethodGet, fmt.Sprintf("/rulesets/%d?includes_parents=false", id), nil, &out)
	out.ID = id
	return &out, err
}

// PutRuleset creates a ruleset, or replaces the one that has its id. It needs administration rights.
// https://docs.github.com/rest/repos/rules#create-a-repository-ruleset
func (r *Repo) PutRuleset(ctx context.Context, rules posture.Rules) error {
	c := call{what: "writing the ruleset " + rules.Name, permission: "administration=write"}
	method, path := http.MethodPost, "/rulesets"
	if rules.ID != 0 {
		method, path = http.MethodPut, fmt.Sprintf("/rulesets/%d", rules.ID)
	}
	_, err := r.do(ctx, c, method, path, rules, nil)
	return err
}
