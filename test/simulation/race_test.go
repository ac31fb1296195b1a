//go:build race

package simulation_test

// slow: under the race detector SQLite, which is Go too, takes some twenty times as long.
const slow = true
