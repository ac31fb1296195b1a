//go:build !race

package market

// Raced says that this test binary looks for data races.
const Raced = false
