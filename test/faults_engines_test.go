package test

import (
	"database/sql"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"ticketing/test/market"
	"ticketing/test/require"
)

// TestDatabaseConnectionsCut ends all connections to PostgreSQL again and again while people trade. A request succeeds or
// is told to try again; afterwards all is well.
func TestDatabaseConnectionsCut(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[1])
	db, err := sql.Open("pgx", m.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p := newPromises()
	stop := p.storm(t, m)
	for _, moment := range moments(8) {
		<-time.After(moment)
		if _, err := db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	p.people[0].Lists("Listed afterwards", "10")
	p.kept(t, m)
	p.people[1].Pays(p.people[1].Orders(p.people[0].Lists("Sold afterwards", "10")))
}

// smallDisk is a folder on a file system of its own with so many megabytes.
func smallDisk(t *testing.T, size string) string {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		require.Skip(t, "the right to mount a small file system: "+strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestDiskFull fills the disk below a market that runs. What cannot be stored is refused with 503, what is there can be
// read, and when there is room again the market goes on, or starts again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "64m")
	m := market.OpenIn(t, disk, market.Topologies[0])
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	kept := []market.Ticket{seller.Lists("Stored before", "10")}
	ballast := fill(t, disk)
	refused := 0
	for range 2000 {
		a := seller.Ask("POST", "/api/tickets", map[string]any{"title": strings.Repeat("x", 200), "price": 10, "details": strings.Repeat("y", 500)})
		if a.OK() {
			kept = append(kept, market.As[market.Ticket](a))
			continue
		}
		if a.Err != nil {
			break
		}
		a.Refused(503, "unavailable")
		if refused++; refused == 5 {
			break
		}
	}
	if m.Front.Running() {
		seller.Ask("GET", "/api/tickets/"+kept[0].ID, nil).Want(200)
	}
	t.Logf("on a full disk: %d tickets more, %d refused, running: %v", len(kept)-1, refused, m.Front.Running())
	if refused == 0 {
		t.Errorf("the disk was not full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	market.Eventually(t, "there is room again", func() (bool, string) {
		if !m.Front.Running() {
			m.Front.Start()
		}
		a := seller.List("Stored afterwards", "10")
		return a.OK(), a.String()
	})
	for _, ticket := range kept {
		seller.Ticket(ticket.ID)
	}
	order := buyer.Order(kept[0].ID)
	buyer.SeesOrder(market.As[market.Order](order.Want(201)).ID, "AwaitingPayment")
	m.Settles()
	m.Audits()
}

// fill writes a file until nothing more fits.
func fill(t *testing.T, dir string) string {
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	return path
}

// TestNoRoomToStart starts a market where nothing can be stored: one clear line, exit 1.
func TestNoRoomToStart(t *testing.T) {
	t.Parallel()
	full, readOnly := smallDisk(t, "1m"), smallDisk(t, "1m")
	fill(t, full)
	if err := syscall.Mount("", readOnly, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"full": full, "read-only": readOnly} {
		code, out, errs := market.Tool(t, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data", filepath.Join(dir, "data"))
		if code != 1 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, dir) {
			t.Errorf("on a %s disk: %d %s%s", what, code, out, errs)
		}
	}
}

// TestDatabaseAway starts and runs a market whose PostgreSQL does not answer.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	away := url.URL{Scheme: "postgres", User: url.UserPassword("me", "hunter2"), Host: "127.0.0.1:1", Path: "market"}
	code, out, errs := market.Tool(t, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data", t.TempDir(), "--database-url", away.String())
	if code != 1 || out != "" || strings.Count(errs, "\n") != 1 || strings.Contains(errs, "hunter2") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}
