//go:build !race

package simulation_test

// slow is for the race detector.
const slow = false
