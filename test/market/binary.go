package market

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binary is the program, built once for all tests of this test binary.
var binary struct {
	once sync.Once
	path string
	err  error
}

// Binary is the path of the real program, built from the sources of this module; with the race detector if the test has it.
// TICKETING_TEST_BINARY names one that was built for all packages of a run: to link it takes seconds each time.
func Binary(t testing.TB) string {
	t.Helper()
	binary.once.Do(func() { binary.path, binary.err = build() })
	if binary.err != nil {
		t.Fatalf("build the program: %v", binary.err)
	}
	return binary.path
}

func build() (string, error) {
	if built := os.Getenv("TICKETING_TEST_BINARY"); built != "" {
		return built, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if err := dependOn(root); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "ticketing-binary-")
	if err != nil {
		return "", err
	}
	if err := atTheEnd.remove(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ticketing")
	args := []string{"build", "-o", path}
	if Raced {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/ticketing")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

// dependOn lists all folders of the sources: go test repeats a former result only if what a test has listed is the same,
// and it knows nothing of what another go command reads.
func dependOn(root string) error {
	return filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // of a market that runs there
			return nil
		case err == nil && d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		}
		return err
	})
}

// moduleRoot is the folder of go.mod, above the one that the test runs in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no go.mod above the test")
		}
	}
	return "", err
}
