package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
)

// cure is a ruleset that is to be written.
type cure struct {
	patient
	rules   posture.Rules
	changes []string
}

// fix writes the rulesets that are missing, with the person's own token, after they have said yes.
func (w *world) fix(ctx context.Context, d *doctor, f doctorFlags) error {
	cures, refused, err := d.cures(ctx, f.reviews)
	if err != nil {
		return err
	}
	fmt.Fprintln(w.out)
	for _, why := range refused {
		fmt.Fprintln(w.out, why)
	}
	if len(cures) == 0 {
		fmt.Fprintln(w.out, "There is nothing that --fix can do.")
		if d.state != posture.OK {
			return exitError{status: exitFail}
		}
		return nil
	}
	for _, c := range cures {
		fmt.Fprintf(w.out, "%s:\n", c.FullName())
		for _, change := range c.changes {
			fmt.Fprintf(w.out, "  - %s\n", change)
		}
	}
	if !f.yes {
		fmt.Fprintf(w.out, "Write this with your own token? [y/N] ")
		answer, err := bufio.NewReader(w.in).ReadString('\n')
		if err != nil && answer == "" {
			fmt.Fprintln(w.out)
			return errors.New("nobody said yes, so nothing was changed; --yes says it beforehand")
		}
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			fmt.Fprintln(w.out, "Nothing was changed.")
			return exitError{status: exitFail}
		}
	}
	return w.write(ctx, d, cures)
}

// cures works out what is to be written where. What the owner of the token may not administer is refused before anything is written.
func (d *doctor) cures(ctx context.Context, reviews int) (cures []cure, refused []string, err error) {
	for _, p := range d.patients {
		if p.report.State == posture.OK {
			continue
		}
		person := d.github.As(d.token, p.Owner, p.Name)
		may, err := person.Administers(ctx)
		if err == nil && !may || errors.As(err, new(forge.NotFound)) || errors.As(err, new(forge.MissingPermission)) {
			refused = append(refused, p.FullName()+": your token may not administer it, so nothing is changed there.")
			continue
		}
		if errors.As(err, new(forge.Unauthorized)) {
			return nil, nil, errors.New("GitHub does not take the token in GITHUB_TOKEN; make a new one")
		} else if err != nil {
			return nil, nil, outside(fmt.Errorf("ask what your token may do in %s: %w", p.FullName(), err))
		}
		existing, err := person.Ruleset(ctx, posture.RulesetName)
		if err != nil {
			return nil, nil, outside(fmt.Errorf("read the rulesets of %s: %w", p.FullName(), err))
		}
		rules, changes := posture.Fix(existing, d.settings.AppID, reviews)
		if len(changes) > 0 {
			cures = append(cures, cure{patient: p, rules: rules, changes: changes})
		}
	}
	return cures, refused, nil
}

// write writes the rulesets, reads each back, and says how the branch is protected now.
func (w *world) write(ctx context.Context, d *doctor, cures []cure) error {
	failed := false
	for _, c := range cures {
		if err := d.github.As(d.token, c.Owner, c.Name).PutRuleset(ctx, c.rules); err != nil {
			failed = true
			fmt.Fprintf(w.out, "%s: not written: %v\n", c.FullName(), personal(err))
			continue
		}
		after, err := d.asPerson(ctx, c.Repository)
		if err != nil {
			return outside(fmt.Errorf("read the protection of %s again: %w", c.FullName(), err))
		}
		fmt.Fprintf(w.out, "%s: written; %s.\n", c.FullName(), after.Summary())
		failed = failed || after.State != posture.OK
	}
	if failed {
		return exitError{status: exitFail}
	}
	return nil
}

// personal words a refusal for the owner of a token.
func personal(err error) error {
	var missing forge.MissingPermission
	if errors.As(err, &missing) {
		return fmt.Errorf("your token may not (GitHub says: %s)", missing.Message)
	}
	return err
}
