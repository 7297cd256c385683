// Package webhook is the receiving end: it checks that a delivery comes from GitHub, works out what it asks for, and answers
// once that is stored. It evaluates nothing and calls nobody; what a delivery says is never believed beyond "look there again".
package webhook
