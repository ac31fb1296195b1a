package bench

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

var (
	profileDir     = flag.String("profile", "", "keep CPU profiles of the market's processes in this folder, from the beginning of each measured work on")
	profileSeconds = flag.Int("profile-seconds", 4, "how long such a profile is")
)

// profile begins to take the profiles that were asked for; what it returns waits for them.
func (h *house) profile(tb testing.TB) (wait func()) {
	if *profileDir == "" {
		return func() {}
	}
	ended := make(chan error, len(h.market.All))
	for n, p := range h.market.All {
		to := filepath.Join(*profileDir, fmt.Sprintf("%s-%d.pprof", filepath.Base(tb.Name()), n))
		go func() { ended <- takeProfile(p.Ops, to) }()
	}
	return func() {
		for range h.market.All {
			if err := <-ended; err != nil {
				tb.Error(err)
			}
		}
	}
}

func takeProfile(from, to string) error {
	answer, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", from, *profileSeconds))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, answer.Body)
	return err
}
