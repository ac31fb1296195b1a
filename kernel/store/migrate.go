package store

import (
	"context"
	"database/sql"
	"fmt"
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
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithTableName("goose_" + set.Name), goose.WithDisableGlobalRegistry(true)}
	if postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		dialect = goose.DialectPostgres
		options = append(options, goose.WithSessionLocker(locker))
	}
	steps, err := stepsOf(set, postgres)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, nil, append(options, goose.WithGoMigrations(steps...))...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// stepsOf are the files of a set, each of which is executed as a whole: both engines take several statements at once. goose's
// own reader works in buffers of 4 MB: to clear them was half of what a start cost with the race detector.
func stepsOf(set Migrations, postgres bool) ([]*goose.Migration, error) {
	names, err := fs.Glob(set.FS, "*.sql")
	if err != nil {
		return nil, err
	}
	steps := make([]*goose.Migration, len(names))
	for i, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		text, err := fs.ReadFile(set.FS, name)
		if err != nil {
			return nil, err
		}
		statements := string(text)
		if !postgres { // SQLite compares text by its bytes anyway, which is what this asks of PostgreSQL
			statements = strings.ReplaceAll(statements, ` COLLATE "C"`, "")
		}
		steps[i] = goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, statements); err != nil {
				return fmt.Errorf("%s of %s: %w", name, set.Name, err)
			}
			return nil
		}}, nil)
	}
	return steps, nil
}

// Files is a folder of embedded files; one that is not embedded is a mistake in the program.
func Files(embedded fs.FS, folder string) fs.FS {
	files, err := fs.Sub(embedded, folder)
	if err != nil {
		panic(err)
	}
	return files
}
