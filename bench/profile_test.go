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

var profile = flag.String("profile", "", "file for a processor profile of the embedded market under all loads, from which the compiler learns what to inline")

const profileSeconds = 40

// TestProfile takes the profile that cmd/ticketing is compiled with.
func TestProfile(t *testing.T) {
	if *profile == "" {
		t.Skip("no -profile")
	}
	h := newHouse(t, embedded)
	taken := make(chan error, 1)
	go func() { taken <- takeProfile(h.market.Front.Ops) }()
	for {
		h.purchase(t, 1000)
		h.lock(t, 1000)
		h.flashSale(t, 10)
		together(t, crowd, 5000, func(person, n int) error {
			path := []string{"/api/tickets", "/api/tickets?q=tom", "/api/tickets?sort=price", "/", "/?q=berlin"}[n%5]
			_, err := h.buyers[person].want(200, "GET", path, "")
			return err
		})
		select {
		case err := <-taken:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

func takeProfile(ops string) error {
	answer, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", ops, profileSeconds))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != 200 {
		return fmt.Errorf("%s: %s", answer.Status, content)
	}
	return os.WriteFile(filepath.FromSlash(*profile), content, 0o644)
}
