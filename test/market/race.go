//go:build race

package market

// Raced says that this test binary looks for data races, so the program that it runs has to do so too.
const Raced = true
