package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
)

// doctorFlags are what `gatehouse doctor` is told.
type doctorFlags struct {
	output     string
	repository string
	fix, yes   bool
	reviews    int
}

func (w *world) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether the App, its webhook and the protection of branches are as they should be",
		Long: `Ask GitHub whether the gate can do its work: the App's credentials, the permissions that it needs and has, the webhook and its last
deliveries, and for each repository whether the check is required on the default branch, pinned to this App, and binding for everybody.
Each line is ok, a problem, or unknown, with what to do about it.

It is run with the server's settings (GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY or _FILE, GATEHOUSE_PUBLIC_URL...). With an administrator's
token in GITHUB_TOKEN it also sees what GitHub shows to administrators alone: who may bypass a ruleset.

--fix writes a ruleset with that token, never with the App's: the check required from this App alone, a pull request with an approving
review that new commits dismiss, no force push, no deletion, nobody excepted. It says what it will change, and asks.

Exit status: 0 all is well, 1 something is not or could not be read, 2 wrong use, 3 GitHub cannot be reached.`,
		Example: "  gatehouse doctor\n  GITHUB_TOKEN=$(gh auth token) gatehouse doctor --repository acme/infra --fix",
		Args:    cobra.NoArgs,
	}
	overrides := settingFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	flags.StringVar(&f.repository, "repository", "", "only this repository, OWNER/NAME")
	flags.BoolVar(&f.fix, "fix", false, "write the ruleset that is missing, with the token in GITHUB_TOKEN")
	flags.BoolVar(&f.yes, "yes", false, "with --fix: do not ask")
	flags.IntVar(&f.reviews, "reviews", 1, "with --fix: approving reviews that GitHub itself asks for, 0 to 10")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.doctor(cmd.Context(), f, overrides(cmd.Flags()))
	}
	return cmd
}

// doctor looks at everything, prints it, and mends what it is told to.
func (w *world) doctor(ctx context.Context, f doctorFlags, overrides map[string]string) error {
	switch {
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output is %q; wanted: text or json", f.output)
	case f.repository != "" && strings.Count(strings.Trim(f.repository, "/"), "/") != 1:
		return fmt.Errorf("--repository is %q; wanted: OWNER/NAME", f.repository)
	case f.reviews < 0 || f.reviews > 10:
		return fmt.Errorf("--reviews is %d; GitHub takes 0 to 10", f.reviews)
	case f.fix && f.output == "json":
		return errors.New("--fix tells what it does as text; leave out --output json")
	case f.fix && w.environment("GITHUB_TOKEN") == "":
		return errors.New("--fix writes with your own rights: set GITHUB_TOKEN to a token of yours that may administer the repositories")
	}
	d, err := w.newDoctor(f, overrides)
	if err != nil {
		return err
	}
	if err := d.look(ctx); err != nil {
		return err
	}
	if f.output == "json" {
		if err := printJSON(w.out, d.report()); err != nil {
			return err
		}
	} else {
		d.print(w.out)
	}
	if f.fix {
		return w.fix(ctx, d, f)
	}
	if d.state != posture.OK {
		return exitError{status: exitFail}
	}
	return nil
}

func printJSON(to io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(to, string(text))
	return err
}

// finding is a line of the doctor's report.
type finding struct {
	Area    string        `json:"area"`    // settings, app, permissions, webhook, installation, protection
	Subject string        `json:"subject"` // what it is about: an account, a repository and its branch; "" the App itself
	Point   string        `json:"point"`   // short name
	State   posture.State `json:"state"`
	Says    string        `json:"says"`
	Do      string        `json:"do,omitempty"`
}

// doctor is a look at everything.
type doctor struct {
	github     *forge.App
	settings   *config.Server
	token      string // of a person; "": none
	repository string
	state      posture.State
	findings   []finding
	identity   forge.Identity
	patients   []patient
}

// patient is a repository that was looked at.
type patient struct {
	gate.Repository
	installation int64
	report       posture.Report
}

func (w *world) newDoctor(f doctorFlags, overrides map[string]string) (*doctor, error) {
	settings, err := config.App(w.environ, overrides)
	if err != nil {
		return nil, err
	}
	github, err := forge.New(forge.Options{
		AppID: settings.AppID, PrivateKey: settings.KeyPEM, APIURL: settings.APIURL, ServerURL: settings.ServerURL,
		UserAgent: "gatehouse/" + Version, Clock: w.clock,
	})
	if err != nil {
		return nil, err
	}
	d := &doctor{github: github, settings: settings, token: w.environment("GITHUB_TOKEN"), repository: strings.Trim(f.repository, "/"), state: posture.OK}
	_, err = config.Load(w.environ, overrides)
	var wrong *config.Error
	if errors.As(err, &wrong) {
		for _, problem := range wrong.Problems {
			d.add("settings", "", "settings", posture.Problem, problem+".", "Set it where the server runs.")
		}
	}
	return d, nil
}

func (d *doctor) add(area, subject, point string, state posture.State, says, do string) {
	if state == posture.OK {
		do = ""
	}
	d.state = d.state.Worse(state)
	d.findings = append(d.findings, finding{Area: area, Subject: subject, Point: point, State: state, Says: says, Do: do})
}

// look asks GitHub. An error means that it could not be asked.
func (d *doctor) look(ctx context.Context) error {
	var err error
	d.identity, err = d.github.Identity(ctx)
	var temporary forge.Temporary
	var limited forge.RateLimited
	switch {
	case errors.As(err, &temporary), errors.As(err, &limited), ctx.Err() != nil:
		return outside(err)
	case err != nil:
		d.add("app", "", "credentials", posture.Problem, gate.Printable(err.Error())+".",
			"Check GITHUB_APP_ID and the private key against the App's settings page, and GITHUB_API_URL.")
		return nil
	}
	d.add("app", "", "credentials", posture.OK, fmt.Sprintf("GitHub takes the credentials of %s (App %d, %s).", gate.Printable(d.identity.Name), d.identity.ID, d.identity.URL), "")
	d.permissions("the App asks for", "", d.identity.Permissions, d.identity.Events, d.identity.URL)
	for _, step := range []func(context.Context) error{d.webhook, d.installations} {
		if err := step(ctx); err != nil {
			return outside(err)
		}
	}
	return nil
}

// permissions holds what is granted against what is needed.
func (d *doctor) permissions(who, subject string, granted map[string]string, events []string, where string) {
	var lacks, why, deaf []string
	for _, n := range forge.Needs() {
		if !n.Permits(granted) {
			lacks, why = append(lacks, n.Title), append(why, n.Title+" for "+n.Why)
		}
		for _, e := range n.Events {
			if !slices.Contains(events, e) {
				deaf = append(deaf, e)
			}
		}
	}
	do := "Add it on the App's settings page, Permissions & events (" + where + ")."
	if subject != "" {
		do = "An owner accepts it at " + where + "."
	}
	if len(lacks) > 0 {
		d.add("permissions", subject, "permissions", posture.Problem, "Missing: "+strings.Join(why, "; ")+".", do)
	} else {
		d.add("permissions", subject, "permissions", posture.OK, "All the permissions that are needed are among those that "+who+".", "")
	}
	if len(deaf) > 0 {
		d.add("permissions", subject, "events", posture.Problem, "Not subscribed to: "+strings.Join(deaf, ", ")+".", do)
	} else {
		d.add("permissions", subject, "events", posture.OK, "All the events that are needed are subscribed to.", "")
	}
}

// webhook looks where events go and whether they arrive.
func (d *doctor) webhook(ctx context.Context) error {
	hook, err := d.github.Hook(ctx)
	if err != nil {
		return err
	}
	want := d.settings.PublicURL + "/webhooks/github"
	const where = "On the App's settings page, under Webhook."
	switch {
	case hook.URL == "":
		d.add("webhook", "", "address", posture.Problem, "The App has no webhook: nothing is judged.", "Set "+want+". "+where)
	case strings.TrimRight(hook.URL, "/") != want:
		d.add("webhook", "", "address", posture.Problem, "GitHub sends events to "+gate.Printable(hook.URL)+", and GATEHOUSE_PUBLIC_URL says "+want+".", "Set the one that is right. "+where)
	case hook.ContentType != "json":
		d.add("webhook", "", "address", posture.Problem, "GitHub sends events as "+gate.Printable(hook.ContentType)+", which the server refuses.", "Set the content type application/json. "+where)
	case !hook.Secure():
		d.add("webhook", "", "address", posture.Problem, "GitHub does not check the server's certificate.", "Enable SSL verification. "+where)
	default:
		d.add("webhook", "", "address", posture.OK, "GitHub sends events to "+want+".", "")
	}
	list, err := d.github.LastDeliveries(ctx)
	if err != nil {
		return err
	}
	d.deliveries(list)
	return nil
}

// deliveries judges the newest attempts: an event that arrived at a later attempt has arrived.
func (d *doctor) deliveries(list []forge.Delivery) {
	if len(list) == 0 {
		d.add("webhook", "", "deliveries", posture.Unknown, "GitHub has delivered nothing in the last three days.", "See that the webhook is Active on the App's settings page, or open a pull request.")
		return
	}
	arrived := map[string]bool{}
	events := map[string]forge.Delivery{}
	for _, x := range list {
		arrived[x.GUID] = arrived[x.GUID] || x.Arrived()
		if _, ok := events[x.GUID]; !ok {
			events[x.GUID] = x
		}
	}
	lost := 0
	for guid := range events {
		if !arrived[guid] {
			lost++
		}
	}
	newest := list[0]
	answer := fmt.Sprintf("was answered %d", newest.StatusCode)
	if newest.StatusCode == 0 {
		answer = "got no answer"
	}
	when := newest.DeliveredAt.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case !arrived[newest.GUID]:
		d.add("webhook", "", "deliveries", posture.Problem,
			fmt.Sprintf("%d of the last %d events did not arrive; the newest (%s, %s) %s.", lost, len(events), gate.Printable(newest.Event), when, answer),
			"See that the server runs, that GitHub reaches it, and that GITHUB_WEBHOOK_SECRET is the App's; it asks for lost events again by itself.")
	case lost > 0:
		d.add("webhook", "", "deliveries", posture.OK,
			fmt.Sprintf("Events arrive; %d of the last %d have not, and the server asks for them again.", lost, len(events)), "")
	default:
		d.add("webhook", "", "deliveries", posture.OK, fmt.Sprintf("The last %d events arrived, the newest (%s) at %s.", len(events), gate.Printable(newest.Event), when), "")
	}
}
