package bus_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
)

// A market with a log in dir: orders has said what the log holds, tickets follows it, and both have stopped.
func pastMarket(t *testing.T, open opener, dir string) (want map[string][]int64) {
	t.Helper()
	log, orders, tickets := embedded(t, dir), open.db("orders"), open.db("tickets")
	b := bus.New(orders, log, bus.Options{})
	want = map[string][]int64{}
	for i := range 20 {
		id := fmt.Sprintf("o%02d", i)
		emit(t, orders, b, id, 1, 2)
		want[id] = []int64{1, 2}
	}
	follower := bus.New(tickets, log, bus.Options{})
	bus.Follow(follower, see)
	stop, stopFollower := running(t, b), running(t, follower)
	awaitSeen(t, tickets, newest(want))
	stop()
	stopFollower()
	log.Close()
	return want
}

func newest(all map[string][]int64) map[string]int64 {
	last := map[string]int64{}
	for id, versions := range all {
		last[id] = versions[len(versions)-1]
	}
	return last
}

// reopened is what a new process finds: it prepares, and says how much it had to publish and whether it had to rewind.
func reopened(t *testing.T, open opener, dir string) (log *bus.NATS, b *bus.Bus, c *counting) {
	t.Helper()
	log = embedded(t, dir)
	c = &counting{Log: log}
	b = bus.New(open.db("orders"), c, bus.Options{Log: logger(t)})
	if err := b.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return log, b, c
}

// stillFollowed emits once more and expects a follower, which was there before, to get it; nothing may be applied twice.
func stillFollowed(t *testing.T, open opener, log *bus.NATS, b *bus.Bus, want map[string][]int64) {
	t.Helper()
	tickets := open.db("tickets")
	follower := bus.New(tickets, log, bus.Options{})
	bus.Follow(follower, see)
	before := times(t, tickets)
	running(t, follower)
	emit(t, open.db("orders"), b, "o00", 3)
	emit(t, open.db("orders"), b, "new", 1)
	running(t, b)
	want["o00"], want["new"] = append(want["o00"], 3), []int64{1}
	awaitSeen(t, tickets, newest(want))
	wantVersions(t, log, want)
	if n := times(t, tickets); n != before+2 {
		t.Errorf("the handler committed %d times for 2 new events", n-before)
	}
}

func TestUntouchedLogIsLeftAlone(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		want := pastMarket(t, open, dir)
		log, b, c := reopened(t, open, dir)
		if c.published != 0 || c.rewinds != 0 {
			t.Errorf("%d events were sent and the followers rewound %d times", c.published, c.rewinds)
		}
		stillFollowed(t, open, log, b, want)
	})
}

func TestDeletedLogIsRebuilt(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		want := pastMarket(t, open, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		log, b, c := reopened(t, open, dir)
		if c.published != 40 {
			t.Errorf("%d events were sent, want 40", c.published)
		}
		wantVersions(t, log, want)
		stillFollowed(t, open, log, b, want)
	})
}

// blocks are the files that hold the messages of the stream; its indexes, which can be made from them, are deleted.
func blocks(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "obs") {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".blk"):
			files = append(files, path)
		case strings.HasSuffix(path, "index.db"):
			return os.Remove(path)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no message files in %s: %v", dir, err)
	}
	return files
}

func TestTruncatedLogGetsBackWhatItLost(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		want := pastMarket(t, open, dir)
		file := blocks(t, dir)[0]
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, info.Size()*2/3); err != nil {
			t.Fatal(err)
		}
		log, b, c := reopened(t, open, dir)
		if c.published == 0 || c.published == 40 || c.rewinds != 1 {
			t.Errorf("%d of 40 events were sent, the followers rewound %d times", c.published, c.rewinds)
		}
		wantVersions(t, log, want)
		stillFollowed(t, open, log, b, want)
	})
}

func TestUnreadableLogIsMovedAside(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"messages": func(t *testing.T, dir string) {
			for _, file := range blocks(t, dir) {
				overwrite(t, file)
			}
		},
		"a follower": func(t *testing.T, dir string) {
			file := filepath.Join(dir, "places.json")
			if _, err := os.Stat(file); err != nil {
				t.Fatal(err)
			}
			overwrite(t, file)
		},
		"everything": func(t *testing.T, dir string) {
			err := filepath.WalkDir(filepath.Join(dir, "jetstream"), func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					overwrite(t, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		},
		"the folder": func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(dir, "jetstream"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			open, dir := sqlite(t), t.TempDir()
			want := pastMarket(t, open, dir)
			spoil(t, dir)
			log, b, _ := reopened(t, open, dir)
			wantVersions(t, log, want)
			stillFollowed(t, open, log, b, want)
		})
	}
}

func overwrite(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Repeat("garbage ", 50)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNewFollowerSeesTheSamePicture(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		want := pastMarket(t, open, dir)
		log, _, _ := reopened(t, open, dir)
		db := open.db("payments")
		b := bus.New(db, log, bus.Options{})
		bus.Follow(b, see)
		running(t, b)
		awaitSeen(t, db, newest(want))
	})
}

func TestLostStreamIsNoticedWhileRunning(t *testing.T) {
	server := newExternal(t)
	open := sqlite(t)
	log, orders, tickets := server.connect(), open.db("orders"), open.db("tickets")
	b := bus.New(orders, log, bus.Options{Log: logger(t)})
	follower := bus.New(tickets, log, bus.Options{Log: logger(t)})
	bus.Follow(follower, see)
	running(t, b)
	running(t, follower)
	emit(t, orders, b, "o1", 1)
	awaitSeen(t, tickets, map[string]int64{"o1": 1})

	server.deleteConsumers()
	emit(t, orders, b, "o2", 1)
	awaitSeen(t, tickets, map[string]int64{"o1": 1, "o2": 1})

	server.deleteStream()
	newcomer := bus.New(open.db("payments"), log, bus.Options{})
	bus.Follow(newcomer, see)
	running(t, newcomer)
	awaitSeen(t, open.db("payments"), map[string]int64{"o1": 1, "o2": 1}) // nothing new had to be said for that
	emit(t, orders, b, "o1", 2)
	awaitSeen(t, tickets, map[string]int64{"o1": 2, "o2": 1})
	wantVersions(t, log, map[string][]int64{"o1": {1, 2}, "o2": {1}})
}

func TestDatabaseOlderThanTheLogLearnsItsPlaces(t *testing.T) {
	open := sqlite(t)
	log, db := embedded(t, t.TempDir()), open.db("orders")
	b := bus.New(db, log, bus.Options{})
	emit(t, db, b, "o1", 1)
	if err := b.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Another service's event behind ours is nobody's loss.
	other := open.db("auth")
	a := bus.New(other, log, bus.Options{})
	err := emitUser(t, other, a)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := &counting{Log: log}
	if err := bus.New(db, c, bus.Options{}).Prepare(t.Context()); err != nil || c.published != 0 || c.rewinds != 0 {
		t.Errorf("%v: %d events sent again, %d rewinds", err, c.published, c.rewinds)
	}
	if all := contents(t, log); len(all) != 2 || !strings.HasPrefix(all[1].Subject, "ticketing."+string(event.UserCreated)) {
		t.Errorf("the log has %+v", all)
	}
}
