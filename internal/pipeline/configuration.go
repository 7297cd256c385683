package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// configured records that a push changed what the pull requests into its branch are judged by: the gate file, the waivers, the
// code owners, the repository's own rules. Both sides come from git, so a repeated work says the same, and its entry's key
// keeps it from being said twice.
func (p *Pipeline) configured(ctx context.Context, l work.Merged) error {
	repo := p.Forge.Repo(l.InstallationID, l.Owner, l.Name)
	mirror := gitmirror.Repo{Owner: l.Owner, Name: l.Name}
	after, err := p.judgedBy(ctx, mirror, repo.Token, gitmirror.Want{SHA: l.Commit, Ref: "refs/heads/" + l.Branch})
	if err != nil {
		return err
	}
	detail := map[string]any{"what": "repository", "branch": l.Branch, "forced": l.Forced}
	before := map[string]string{}
	switch {
	case strings.Trim(l.Before, "0") == "":
		if !l.DefaultBranch {
			return nil // cut from a branch where it was recorded
		}
	default:
		detail["before"] = l.Before
		before, err = p.judgedBy(ctx, mirror, repo.Token, gitmirror.Want{SHA: l.Before})
		if errors.As(err, new(*gitmirror.MissingError)) {
			// A force push took it off the branch, and GitHub has dropped it.
			detail["unknown"] = "the commit before is not on GitHub any more: what it held is not known"
			before = map[string]string{}
		} else if err != nil {
			return err
		}
	}
	changes := turned(before, after)
	if len(changes) == 0 {
		return nil
	}
	detail["files"] = changes
	_, err = p.Recorder.Append(ctx, []store.Entry{{
		Time: p.Clock().UTC(), Type: store.EntryConfiguration, Actor: l.Actor, Repository: l.Owner + "/" + l.Name, Commit: l.Commit,
		Resources: []string{}, Detail: detail, Key: fmt.Sprintf("configuration/%d/%s/%s", l.RepositoryID, ledger.Digest([]byte(l.Branch))[:23], l.Commit),
	}})
	if err != nil {
		return fmt.Errorf("record the change of the configuration: %w", err)
	}
	return nil
}

// turned says of each name whose value differs what it was and is; null where there was none, or is none.
func turned(before, after map[string]string) map[string]any {
	changes := map[string]any{}
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	for _, name := range names {
		from, had := before[name]
		to, has := after[name]
		if had == has && from == to {
			continue
		}
		change := map[string]any{"from": nil, "to": nil}
		if had {
			change["from"] = from
		}
		if has {
			change["to"] = to
		}
		changes[name] = change
	}
	return changes
}

// judgedBy is what a commit says about how pull requests onto it are judged: each file's digest, and one for each folder of rules.
func (p *Pipeline) judgedBy(ctx context.Context, repo gitmirror.Repo, token gitmirror.TokenSource, want gitmirror.Want) (map[string]string, error) {
	if err := p.Mirror.Sync(ctx, repo, token, []gitmirror.Want{want}); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", want.SHA, p.retryable(err))
	}
	t, err := p.tree(ctx, repo, want.SHA)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, file := range append([]string{repoconfig.Path, repoconfig.WaiversPath}, repoconfig.CodeownersPaths[:]...) {
		data, ok, err := t.readOne(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("read %s at %s: %w", file, want.SHA, err)
		}
		if !ok {
			continue
		}
		out[file] = ledger.Digest(data)
		if file != repoconfig.Path {
			continue
		}
		config, problems := repoconfig.Parse(file, data)
		if len(problems) > 0 {
			continue // every pull request says so; which rules it means is not known
		}
		for _, dir := range config.Policies.Paths {
			if out[strings.TrimSuffix(dir, "/")+"/"], err = folderDigest(t, dir); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// folderDigest names the rules in a folder by what git calls their contents.
func folderDigest(t *tree, dir string) (string, error) {
	blobs, prefix := map[string]string{}, strings.TrimPrefix(path.Clean(dir)+"/", "./")
	for _, file := range t.paths {
		if strings.HasPrefix(file, prefix) && isPolicyFile(file) {
			blobs[file] = t.blobs[file]
		}
	}
	text, err := ledger.Canonical(blobs)
	if err != nil {
		return "", fmt.Errorf("name the rules in %s: %w", gate.Printable(dir), err)
	}
	return ledger.Digest(text), nil
}

// Turner changes a small durable fact together with audit entries about it, where it still has the value that was read.
type Turner interface {
	Meta(ctx context.Context, key string) (string, error)
	Turn(ctx context.Context, key, from, to string, entries ...store.Entry) (turned bool, err error)
}

// settingsKey is where the settings of the last start are kept.
const settingsKey = "settings/server"

// RecordSettings records which of the server's settings, and of the rules and the version built into it, are others than at the
// last start. settings must hold nothing secret: what is, by a keyed fingerprint.
func (p *Pipeline) RecordSettings(ctx context.Context, memory Turner, settings map[string]string) error {
	now, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	for range 5 { // replicas that start at once take turns
		before, err := memory.Meta(ctx, settingsKey)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if before == string(now) {
			return nil
		}
		known := map[string]string{}
		if before != "" {
			if err := json.Unmarshal([]byte(before), &known); err != nil {
				return fmt.Errorf("read the settings of the last start: %w", err)
			}
		}
		done, err := memory.Turn(ctx, settingsKey, before, string(now), store.Entry{
			Time: p.Clock().UTC(), Type: store.EntryConfiguration, Actor: "gatehouse", Resources: []string{},
			Detail: map[string]any{"what": "server", "first": before == "", "settings": turned(known, settings)},
		})
		if err != nil || done {
			return err
		}
	}
	return errors.New("recording the settings: others change them all the time")
}
