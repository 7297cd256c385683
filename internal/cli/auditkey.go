package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func (w *world) auditKey(f *auditFlags) *cobra.Command {
	var fresh, all bool
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Print the public key that the log is signed with, or make the next one",
		Long: `Print the public key that the log is signed with. --all prints those that signed before it as well, a line each: give them all to
whoever verifies attestations or checkpoints from before a rotation.

--new makes the next key. An entry of the log, which the old key signs, names both; then the key file gets the new private key on its
first line and keeps the public one of the old below, so that everything that was signed stays verifiable. Running servers that read
this file sign with the new key from their next signature on, without a restart; where each replica has a copy of the file, copy it to
all of them at once: one that does not know the new key blocks until it has it. The old private key is gone afterwards.`,
		Example: "  gatehouse audit key > gatehouse.pub\n  gatehouse audit key --new\n  gatehouse audit key --all > gatehouse.pub",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file := w.signingKeyFile(f)
			if _, err := os.Stat(file); err != nil {
				return fmt.Errorf("there is no signing key at %s; set GATEHOUSE_SIGNING_KEY_FILE to the server's", file)
			}
			if fresh && all {
				return errors.New("give either --new or --all")
			}
			known, err := loadKeys(file, "", false)
			if err != nil {
				return err
			}
			if fresh {
				if known, err = w.newKey(cmd.Context(), f, file); err != nil {
					return err
				}
			}
			for _, v := range known.verifiers() {
				fmt.Fprintln(w.out, v.String())
				if !all {
					break
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&fresh, "new", false, "make the next key, and print its public half")
	cmd.Flags().BoolVar(&all, "all", false, "print the older public keys, too")
	return cmd
}

// newKey rotates the key of the log in the database.
func (w *world) newKey(ctx context.Context, f *auditFlags, file string) (keys, error) {
	db, err := w.writable(ctx, f)
	if err != nil {
		return keys{}, err
	}
	defer db.Close()
	var index int64
	known, err := rotateKey(file, func(before, after keys) error {
		entry := store.Entry{
			Type: store.EntryConfiguration, Actor: operator(), Resources: []string{},
			Detail: map[string]any{"what": "key", "before": before.signer.Verifier().String(), "after": after.signer.Verifier().String()},
		}
		p, err := db.Append(ctx, []store.Entry{entry})
		if store.Blocks(err) {
			return exitError{exitFail, err}
		} else if err != nil {
			return outside(err)
		}
		index = p.Index
		return nil
	})
	if err != nil {
		return keys{}, err
	}
	fmt.Fprintf(w.err, "entry %d of the log names the new key; %s signs with it from now on\n", index, file)
	return known, nil
}
