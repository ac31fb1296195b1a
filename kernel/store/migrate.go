package store

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrate brings all tables of a service up to date. Replicas that start together take turns.
func migrate(ctx context.Context, db *sql.DB, postgres bool, o Options) error {
	sets := append([]Migrations{}, o.Kernel...)
	if o.Migrations != nil {
		sets = append(sets, Migrations{Name: o.Name, FS: o.Migrations})
	}
	for _, set := range sets {
		if err := apply(ctx, db, postgres, set); err != nil {
			return err
		}
		engine := "sqlite"
		if postgres {
			engine = "postgres"
		}
		own, err := fs.Sub(set.FS, engine)
		if err != nil {
			return err
		}
		if _, err := fs.Stat(own, "."); err != nil {
			continue
		}
		if err := apply(ctx, db, postgres, Migrations{Name: set.Name + "_" + engine, FS: own}); err != nil {
			return err
		}
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, postgres bool, set Migrations) error {
	dialect, files := goose.DialectSQLite3, fs.FS(portable{set.FS})
	options := []goose.ProviderOption{goose.WithTableName("goose_" + set.Name), goose.WithDisableGlobalRegistry(true)}
	if postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		dialect, files = goose.DialectPostgres, set.FS
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// portable is a file system whose files say nothing that only PostgreSQL understands. SQLite compares text by its bytes
// anyway, which is what COLLATE "C" asks of PostgreSQL.
type portable struct{ fs.FS }

func (p portable) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return &portableFile{File: f, text: bytes.NewReader(bytes.ReplaceAll(text, []byte(` COLLATE "C"`), nil))}, nil
}

// portableFile is the file with another text.
type portableFile struct {
	fs.File
	text *bytes.Reader
}

func (f *portableFile) Read(b []byte) (int, error) { return f.text.Read(b) }

// Files is a folder of embedded files; one that is not embedded is a mistake in the program.
func Files(embedded fs.FS, folder string) fs.FS {
	files, err := fs.Sub(embedded, folder)
	if err != nil {
		panic(err)
	}
	return files
}
