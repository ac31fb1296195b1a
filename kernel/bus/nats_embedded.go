package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	startTimeout = 2 * time.Minute // a large log is read through
	memoryLimit  = 256 << 20       // of JetStream's memory storage, which holds the state of ephemeral consumers alone
)

// openEmbedded starts a server inside this process, which no other can reach.
func openEmbedded(ctx context.Context, o NATSOptions) (*NATS, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the event log's folder: %w", err)
	}
	lock := flock.New(filepath.Join(o.Dir, "lock"))
	if ok, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("the event log's folder: %w", err)
	} else if !ok {
		return nil, fmt.Errorf("the event log in %s is in use by another process", o.Dir)
	}
	n, err := startEmbedded(ctx, o)
	if err != nil && ctx.Err() == nil {
		// The log is a copy: whatever made it unreadable, the outboxes fill a new one.
		aside, moveErr := moveAside(o.Dir)
		if moveErr == nil {
			o.Log.Warn("the event log could not be read and was moved aside; it is rebuilt", "moved", aside, "error", err)
			n, err = startEmbedded(ctx, o)
		}
	}
	if err != nil {
		_ = lock.Unlock()
		return nil, fmt.Errorf("the event log in %s cannot be used: %w", o.Dir, err)
	}
	n.lock = lock
	return n, nil
}

// moveAside renames the server's folder to one that is not there yet.
func moveAside(dir string) (string, error) {
	from := filepath.Join(dir, server.JetStreamStoreDir)
	for i := 1; ; i++ {
		to := fmt.Sprintf("%s.unreadable-%d", from, i)
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return to, os.Rename(from, to)
		} else if err != nil {
			return "", err
		}
	}
}

func startEmbedded(ctx context.Context, o NATSOptions) (*NATS, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "ticketing", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: o.Dir, JetStreamMaxMemory: memoryLimit,
	})
	if err != nil {
		return nil, err
	}
	l := &serverLog{log: o.Log, fatal: make(chan string, 1)}
	s.SetLoggerV2(l, false, false, false)
	n := newNATS(o)
	n.server = s
	had := streamStored(o.Dir)
	if err := n.start(ctx, l); err != nil {
		n.Close()
		return nil, err
	}
	if err := n.recovered(ctx, had); err != nil {
		n.Close()
		return nil, err
	}
	state, err := n.State(ctx)
	if err != nil {
		n.Close()
		return nil, err
	}
	n.last, n.lastKnown = state.Last, true
	n.places = openPlaces(filepath.Join(o.Dir, "places.json"), state.Identity, o.Log)
	return n, nil
}

// streamStored tells whether a server has the stream on disk.
func streamStored(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, server.JetStreamStoreDir, "$G", "streams", Stream))
	return err == nil
}

// recovered checks that the server knows the stream that its folder held. It leaves out what it cannot read, with a warning,
// and later refuses to make it anew.
func (n *NATS) recovered(ctx context.Context, had bool) error {
	_, err := n.js.Stream(ctx, Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && !had:
		_, err = n.create(ctx)
		return err
	case err != nil:
		return err
	}
	_, err = n.stream(ctx)
	return err
}

func (n *NATS) start(ctx context.Context, l *serverLog) error {
	go n.server.Start()
	ready := make(chan bool, 1)
	go func() { ready <- n.server.ReadyForConnections(startTimeout) }()
	select {
	case ok := <-ready:
		if !ok {
			return errors.New("the NATS server does not get ready")
		}
	case text := <-l.fatal:
		return errors.New(text)
	case <-ctx.Done():
		return ctx.Err()
	}
	if !n.server.JetStreamEnabled() {
		return errors.New("the NATS server has no JetStream")
	}
	return n.connect("", nats.InProcessServer(n.server))
}

// serverLog is the server's log in ours: its warnings and errors.
type serverLog struct {
	log   *slog.Logger
	fatal chan string
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

func (l *serverLog) Warnf(format string, args ...any) {
	l.log.Warn("event log server: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Errorf(format string, args ...any) {
	l.log.Error("event log server: " + fmt.Sprintf(format, args...))
}

func (l *serverLog) Fatalf(format string, args ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, args...):
	default:
	}
}
