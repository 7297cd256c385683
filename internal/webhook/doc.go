// Package webhook is the receiving end: it checks the signature of what GitHub sends, works out what there is to do about it
// (package work has the kinds and their arguments), stores both in one transaction, and answers 202.
package webhook

// The server is wired against this (internal/cli/serve.go), and internal/work holds the works to make: Evaluate, Sweep
// (work.Search), Command (work.Request), Landed (work.Landing), each with a method that gives the store.Work.
//
//	webhook.New(webhook.Options{Secrets []string, AppID int64, Store Accepter, Clock, Log *logrus.Entry, Metrics}) http.Handler
//	Metrics is interface{ Webhook(event, code string) }, satisfied by internal/metrics.
