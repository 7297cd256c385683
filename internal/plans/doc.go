// Package plans takes in Terraform plans that workflows of GitHub Actions make, and says which of them count.
//
// A plan comes by one of two ways. A workflow hands it in with its OpenID Connect token (Receiver): the token proves which
// workflow ran on which commit of which repository. Or a workflow leaves it as an artifact of its run (Archive), and the
// pipeline proves that the pull request did not change that workflow. Either way, what is kept has no secrets in it any more,
// and each plan is an entry of the audit log: the entries for a commit are the list of its plans, of which the last for a
// project and workspace counts. There is no other table that could disagree with the log.
package plans
