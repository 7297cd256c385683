// Package attest makes and checks what deployers rely on: a signed statement that a commit landed on a protected branch with a
// passing decision, which plans were judged with it, and which sets of Kubernetes objects it holds.
//
// The statement is an in-toto statement v1 with a SLSA verification summary v1, in a DSSE envelope, signed with the key of the
// audit log. Whoever has the public key can check it without the server.
package attest
