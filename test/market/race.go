//go:build race

package market

// raced says that this test binary looks for data races, so the program that it runs has to do so too.
const raced = true
