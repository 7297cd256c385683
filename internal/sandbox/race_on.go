//go:build race

package sandbox

// memoryFactor is how much more memory a program with the race detector takes for the same work.
const memoryFactor = 10
