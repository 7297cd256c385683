//go:build !race

package sandbox

// memoryFactor is how much more memory than its limit a child may have.
const memoryFactor = 1
