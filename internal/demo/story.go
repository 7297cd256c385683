package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Tell plays the story from beginning to end. The error says where it came out other than told.
func (w *World) Tell(ctx context.Context, t *Teller) error {
	for _, part := range []func(context.Context, *Teller) error{w.vendor, w.database, w.workload, w.administrator} {
		if err := part(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// vendor opens SSH to the world, is blocked, and mends it.
func (w *World) vendor(ctx context.Context, t *Teller) error {
	t.chapter("ann opens port 22 of the web tier to the world, for a vendor")
	pr, err := w.open("ann", "vendor-access", "Let the vendor in over SSH", "ssh-open")
	if err != nil {
		return err
	}
	if err := w.expect(ctx, t, pr, "completed/failure", "Blocked: IM-06"); err != nil {
		return err
	}
	if err := w.refused(t, pr, "ann"); err != nil {
		return err
	}

	t.chapter("ann lets the vendor in by VPN instead, and mei reviews it")
	if err := w.push(pr, "ann", "By VPN only", "ssh-vpn"); err != nil {
		return err
	}
	if err := w.expect(ctx, t, pr, "in_progress/", "Waiting for 1 approval"); err != nil {
		return err
	}
	pr.Approve("mei")
	t.say("mei approves")
	if err := w.expect(ctx, t, pr, "completed/success", "All clear"); err != nil {
		return err
	}
	return w.merged(t, pr, "ann")
}

// database would replace the production database, which needs a second person.
func (w *World) database(ctx context.Context, t *Teller) error {
	t.chapter("ann moves the database to another zone; Terraform would replace it, data and all")
	pr, err := w.open("ann", "zone-b", "Move the database to zone b", "database")
	if err != nil {
		return err
	}
	if err := w.expect(ctx, t, pr, "in_progress/", "Waiting for 2 approvals from acme/dba"); err != nil {
		return err
	}
	pr.Approve("mei")
	t.say("mei approves; one is not enough")
	if err := w.expect(ctx, t, pr, "in_progress/", "Waiting for 1 more approval from acme/dba"); err != nil {
		return err
	}
	if err := w.refused(t, pr, "ann"); err != nil {
		return err
	}
	pr.Approve("sam")
	t.say("sam approves, too")
	if err := w.expect(ctx, t, pr, "completed/success", ""); err != nil {
		return err
	}
	return w.merged(t, pr, "ann")
}

// workload makes a container privileged, with a comment that says what to do about it.
func (w *World) workload(ctx context.Context, t *Teller) error {
	t.chapter("sam makes the shop's container privileged, to debug it")
	pr, err := w.open("sam", "debug", "Debug the shop in production", "privileged")
	if err != nil {
		return err
	}
	if err := w.expect(ctx, t, pr, "completed/failure", "Blocked: "); err != nil {
		return err
	}
	pr.Approve("mei")
	t.say("mei approves; a rule's no is not outvoted")
	if err := w.expect(ctx, t, pr, "completed/failure", "Blocked: "); err != nil {
		return err
	}
	return w.refused(t, pr, "sam")
}

// administrator merges over the failing check, which GitHub allows, and is seen.
func (w *World) administrator(ctx context.Context, t *Teller) error {
	t.chapter("vic, an administrator, merges it all the same: GitHub lets administrators go around")
	prs := w.Repo.PRs()
	pr := prs[len(prs)-1]
	if _, err := pr.Merge("vic", githubsim.MergeOptions{}); err != nil {
		return fmt.Errorf("GitHub did not let the administrator merge: %w", err)
	}
	t.say("merged over the failing check")
	const title = "Gatehouse: protected branch changed without a passing decision"
	err := until(ctx, "the issue about the bypass", func() bool {
		for _, i := range w.Repo.Issues() {
			if i.Title == title && strings.Contains(i.Body, "vic") {
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	t.say("%s", t.paint("31", "! bypass by vic: recorded, counted, and an issue opened: \""+title+"\""))
	return nil
}

// open commits one folder of the story to a new branch and opens a pull request.
func (w *World) open(by, branch, title, folder string) (*githubsim.PR, error) {
	changes, err := tree(folder)
	if err != nil {
		return nil, err
	}
	w.Repo.Commit(branch, githubsim.CommitSpec{Author: by, Message: title, Files: changes})
	return w.Repo.OpenPR(githubsim.PRSpec{By: by, Title: title, Head: branch}), nil
}

func (w *World) push(pr *githubsim.PR, by, message, folder string) error {
	changes, err := tree(folder)
	if err != nil {
		return err
	}
	pr.Push(githubsim.CommitSpec{Author: by, Message: message, Files: changes})
	return nil
}

// expect waits until the check on the pull request's head is as told, and shows it. state is STATUS/CONCLUSION.
func (w *World) expect(ctx context.Context, t *Teller, pr *githubsim.PR, state, title string) error {
	var last githubsim.CheckView
	err := until(ctx, fmt.Sprintf("check %s %q on #%d", state, title, pr.Number()), func() bool {
		for _, c := range w.Repo.Checks(pr.HeadSHA()) {
			if c.Name == "gatehouse" {
				last = c
			}
		}
		return last.Status+"/"+last.Conclusion == state && strings.HasPrefix(last.Title, title)
	})
	if err != nil {
		return fmt.Errorf("%w; the last one was %s/%s %q", err, last.Status, last.Conclusion, last.Title)
	}
	t.verdict(last)
	return nil
}

// refused makes sure that GitHub does not let somebody merge.
func (w *World) refused(t *Teller, pr *githubsim.PR, by string) error {
	_, err := pr.Merge(by, githubsim.MergeOptions{})
	var refusal *githubsim.Refusal
	if !errors.As(err, &refusal) {
		return fmt.Errorf("#%d should not merge, but it did (%v)", pr.Number(), err)
	}
	t.say("%s tries to merge; GitHub: %s", by, refusal.Message)
	return nil
}

func (w *World) merged(t *Teller, pr *githubsim.PR, by string) error {
	sha, err := pr.Merge(by, githubsim.MergeOptions{})
	if err != nil {
		return fmt.Errorf("#%d should merge: %w", pr.Number(), err)
	}
	t.say("%s", t.paint("32", fmt.Sprintf("merged as %.7s", sha)))
	return nil
}
