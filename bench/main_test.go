package bench

import (
	"flag"
	"fmt"
	"os"
	"testing"

	pg "ticketing/test/postgres"
)

func TestMain(m *testing.M) {
	flag.Parse()
	pg.OnDisk = true // what is measured waits for a real disk
	if *large == 0 {
		*large = 200_000
		if *wanted {
			*large = 1_000_000
		}
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "bench-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}
