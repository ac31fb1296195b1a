// Package prepared opens databases of tests whose tables need not be made again and again: most of the time of a short test
// would be spent on that. What is opened is the same as store.Open opens, to the byte.
package prepared

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"ticketing/kernel/store"
)

// files are SQLite databases with nothing but their tables, by all that their tables are made of.
var files = struct {
	mu   sync.Mutex
	made map[[sha256.Size]byte][]byte
}{made: map[[sha256.Size]byte][]byte{}}

// Open is store.Open. A SQLite file that does not exist yet begins as a copy of the first one of its kind.
func Open(ctx context.Context, o store.Options) (*store.DB, error) {
	path := filepath.Join(o.Dir, o.Name+".db")
	if _, err := os.Stat(path); o.URL == "" && errors.Is(err, fs.ErrNotExist) {
		blank, err := file(ctx, o)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(os.MkdirAll(o.Dir, 0o700), os.WriteFile(path, blank, 0o600)); err != nil {
			return nil, err
		}
	}
	return store.Open(ctx, o)
}

func file(ctx context.Context, o store.Options) ([]byte, error) {
	key, err := kind(o)
	if err != nil {
		return nil, err
	}
	files.mu.Lock()
	defer files.mu.Unlock()
	if blank, ok := files.made[key]; ok {
		return blank, nil
	}
	if o.Dir, err = os.MkdirTemp("", "ticketing-prepared-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(o.Dir)
	db, err := store.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	db.Close()
	blank, err := os.ReadFile(filepath.Join(o.Dir, o.Name+".db"))
	files.made[key] = blank
	return blank, err
}

// kind is what the tables are made of.
func kind(o store.Options) (key [sha256.Size]byte, err error) {
	sum := sha256.New()
	for _, set := range append([]store.Migrations{{Name: o.Name, FS: o.Migrations}}, o.Kernel...) {
		fmt.Fprintf(sum, "set %q\n", set.Name)
		if set.FS == nil {
			continue
		}
		err = errors.Join(err, fs.WalkDir(set.FS, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(set.FS, path)
			fmt.Fprintf(sum, "%q %q\n", path, text)
			return err
		}))
	}
	return [sha256.Size]byte(sum.Sum(nil)), err
}
