// Package policies holds the rules that ship with Gatehouse, as files: one folder a pack, one file a rule, its unit tests and
// its good and bad examples beside it; lib holds what rules share. A new rule needs no registration.
package policies

import "embed"

// FS holds every pack and lib, for rules.Options.Builtin.
//
//go:embed */*.rego */*.examples.yaml
var FS embed.FS
