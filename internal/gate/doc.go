// Package gate is Gatehouse's core: the facts about a pull request go in, a decision comes out.
//
// Nothing in it does I/O, reads a clock, logs or returns an error: [Decide] is a function of its argument, so that a decision
// recorded a year ago can be decided again today, byte for byte. What went wrong while gathering facts is itself a fact (a
// [Problem]), and blocks. Standard library only; the linter enforces it.
package gate
