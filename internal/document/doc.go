// Package document turns bytes into [gate.Document] values: Terraform plans, Kubernetes manifests, pipelines, playbooks and more.
//
// It is pure: files come in through a [Tree], documents and problems go out, and nothing in it knows of git, GitHub or rules. All
// input is written by strangers, so everything is capped, and what cannot be read in full is a [gate.Problem], never a document
// that is half there. Values that must stay secret become tokens here, before anything else sees them; see [Redactor].
package document
