// Package require decides what happens to a test whose surroundings are missing: it is skipped with one plain line, or
// fails where everything has been asked for.
package require

import (
	"os"
	"testing"
)

// All says that nothing may be skipped: TICKETING_TEST_REQUIRE=all.
func All() bool { return os.Getenv("TICKETING_TEST_REQUIRE") == "all" }

// Skip skips the test for want of something, or fails it when All.
func Skip(t testing.TB, want string) {
	t.Helper()
	if All() {
		t.Fatalf("needs %s, and TICKETING_TEST_REQUIRE=all allows no skip", want)
	}
	t.Skipf("skipped: needs %s", want)
}
