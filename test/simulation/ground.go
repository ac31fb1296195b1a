package simulation

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"ticketing/kernel/bus"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/auth"
	"ticketing/services/expiration"
	"ticketing/services/orders"
	"ticketing/services/payments"
	"ticketing/services/tickets"
	"ticketing/stripesim"
)

// simulator is the name of the database of the simulated Stripe.
const simulator = "stripesim"

// tables are the databases that a market has.
var tables = []struct {
	name  string
	files fs.FS
	bus   bool
}{
	{"auth", auth.Migrations, true},
	{"tickets", tickets.Migrations, true},
	{"orders", orders.Migrations, true},
	{"expiration", expiration.Migrations, true},
	{"payments", payments.Migrations, true},
	{simulator, stripesim.Migrations, false},
}

// Ground is where worlds are built: the databases, which are opened once and emptied between worlds. It carries one world
// at a time.
type Ground struct {
	dir   string
	clock *clock
	dbs   map[string]*store.DB
	full  map[string][]string // the tables of each database
}

// NewGround opens the databases in dir, best on a file system in memory.
func NewGround(dir string) (*Ground, error) {
	g := &Ground{dir: dir, clock: &clock{}, dbs: map[string]*store.DB{}, full: map[string][]string{}}
	for _, t := range tables {
		if err := g.open(t.name); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

// Close closes the databases.
func (g *Ground) Close() error {
	var all error
	for _, db := range g.dbs {
		all = errors.Join(all, db.Close())
	}
	return all
}

// open opens a database, or opens it again.
func (g *Ground) open(name string) error {
	for _, t := range tables {
		if t.name != name {
			continue
		}
		o := store.Options{Name: name, Dir: g.dir, Migrations: t.files, Now: g.clock.of(name), NewID: g.clock.newID(name)}
		if t.bus {
			o.Kernel = []store.Migrations{bus.Migrations}
		}
		if old := g.dbs[name]; old != nil {
			_ = old.Close()
		}
		db, err := store.Open(background, o)
		if err != nil {
			return err
		}
		g.dbs[name] = db
		if g.full[name] != nil {
			return nil
		}
		return g.equip(name, t.bus)
	}
	return fmt.Errorf("there is no database %s", name)
}

// faults let a database refuse to write events while it is armed: an error in the middle of any transaction.
var faults = []string{
	`CREATE TABLE IF NOT EXISTS simulated_fault (armed BOOLEAN NOT NULL)`,
	`DELETE FROM simulated_fault`,
	`INSERT INTO simulated_fault VALUES (FALSE)`,
	`CREATE TRIGGER IF NOT EXISTS fault_say BEFORE INSERT ON outbox WHEN (SELECT armed FROM simulated_fault)
		BEGIN SELECT RAISE(ABORT, '` + simulated + `'); END`,
	`CREATE TRIGGER IF NOT EXISTS fault_record BEFORE UPDATE ON outbox WHEN (SELECT armed FROM simulated_fault)
		BEGIN SELECT RAISE(ABORT, '` + simulated + `'); END`,
	`CREATE TRIGGER IF NOT EXISTS fault_hear BEFORE INSERT ON inbox WHEN (SELECT armed FROM simulated_fault)
		BEGIN SELECT RAISE(ABORT, '` + simulated + `'); END`,
}

// simulated is the text of errors that were made here.
const simulated = "simulated fault"

// equip adds the fault to a database and notes which tables are to be emptied.
func (g *Ground) equip(name string, withFaults bool) error {
	db := g.dbs[name]
	for _, guard := range keepers[name] {
		if err := execAll(db, "DROP TRIGGER "+guard); err != nil {
			return err
		}
	}
	if withFaults {
		if err := execAll(db, faults...); err != nil {
			return err
		}
	}
	return db.View(background, func(tx *store.Tx) error {
		names, err := store.All(tx, scanText, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid DESC`)
		for _, n := range names {
			switch {
			case strings.HasPrefix(n, "goose_"), strings.HasPrefix(n, "sqlite_"), strings.HasPrefix(n, "ticket_search_"), n == "simulated_fault":
			default:
				g.full[name] = append(g.full[name], n)
			}
		}
		return err
	})
}

// keepers are the triggers that let nobody empty a table, as the end of a world does.
var keepers = map[string][]string{"payments": {"ledger_entries_remain", "ledger_lines_remain"}}

func scanText(scan store.Scan) (s string, err error) { return s, scan(&s) }

// clear empties every table for the next world.
func (g *Ground) clear(seed uint64) error {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	g.clock.reset(seed, names)
	for _, name := range names {
		statements := []string{"PRAGMA defer_foreign_keys = ON"}
		for _, table := range g.full[name] {
			statements = append(statements, "DELETE FROM "+table)
		}
		if name != simulator {
			statements = append(statements, "UPDATE simulated_fault SET armed = FALSE")
		}
		if err := execAll(g.dbs[name], statements...); err != nil {
			return fmt.Errorf("emptying %s: %w", name, err)
		}
	}
	return nil
}

func execAll(db *store.DB, statements ...string) error {
	return db.Update(background, func(tx *store.Tx) error {
		for _, s := range statements {
			if err := tx.Do(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// arm makes the part's next events fail to be written, disarm ends that.
func (w *World) arm(p *part)    { w.setFault(p, "TRUE") }
func (w *World) disarm(p *part) { w.setFault(p, "FALSE") }

func (w *World) setFault(p *part, value string) {
	if err := execAll(w.dbs[p.name], "UPDATE simulated_fault SET armed = "+value); err != nil {
		w.find("the fault of %s cannot be set: %v", p.name, err)
	}
}

// usd is the market's currency.
var usd = money.Currency{Code: "usd", Decimals: 2}

// start builds the services, and the people who use them.
func (w *World) start() {
	w.parts = []*part{
		{name: "auth", build: func(p *part) follower {
			w.auth = auth.New(w.dbs[p.name], p.bus, auth.Options{Now: w.clock.of(p.name), Hashes: 1, Derive: quick})
			return w.auth
		}},
		{name: "tickets", build: func(p *part) follower {
			w.tickets = tickets.New(w.dbs[p.name], p.bus, tickets.Options{Currency: usd})
			return w.tickets
		}},
		{name: "orders", build: func(p *part) follower {
			w.orders = orders.New(w.dbs[p.name], p.bus, orders.Options{Currency: usd, LockDuration: lockDuration, Attempts: w.attempts})
			return w.orders
		}},
		{name: "expiration", build: func(p *part) follower {
			w.expiration = expiration.New(w.dbs[p.name], p.bus, expiration.Options{})
			return w.expiration
		}},
		{name: "payments", build: func(p *part) follower {
			w.payments = payments.New(w.dbs[p.name], p.bus, w.bank.options())
			return w.payments
		}},
	}
	for _, p := range w.parts {
		w.boot(p)
	}
	w.people = newPeople(w)
}

// boot builds a service on what its database holds.
func (w *World) boot(p *part) {
	p.bus = bus.New(w.dbs[p.name], w.log, bus.Options{})
	p.build(p).Follow(p.bus)
	w.log.follow(p.name, p.bus.Follows())
}

// crash ends a service in the middle of whatever it does, and starts it again.
func (w *World) crash(p *part) {
	died := w.bank.kill(p)
	note := ""
	if w.chance(0.03) {
		note = ", its database is opened again"
		if err := w.open(p.name); err != nil {
			w.find("%s cannot be opened again: %v", p.name, err)
		}
	}
	w.boot(p)
	w.count("crashes")
	w.note("crash of %s, %d calls die%s", p.name, died, note)
	if w.chance(0.5) {
		w.note("  prepare %s: %s", p.name, w.outcome(p.bus.Prepare(background)))
	}
}

func (w *World) part(name string) *part {
	for _, p := range w.parts {
		if p.name == name {
			return p
		}
	}
	return nil
}

// quick stands in for the slow hash of passwords.
func quick(password, salt []byte, _ auth.HashCost) []byte {
	sum := sha256.Sum256(append(append([]byte{}, password...), salt...))
	return sum[:]
}

// outcome is an error in a few words; one that nobody meant to happen is a finding.
func (w *World) outcome(err error) string {
	text, expected := judge(err)
	if !expected {
		w.find("unexpected error: %v", err)
	}
	return text
}
