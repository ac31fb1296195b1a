package market

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Broker is a NATS server as operators run one, with JetStream on disk, which can be stopped and started again. It runs
// inside the test's process and is reached by a socket.
type Broker struct {
	t      testing.TB
	dir    string
	port   int
	server *server.Server
}

// NewBroker starts one, until the end of the test.
func NewBroker(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{t: t, dir: t.TempDir(), port: freePort(t)}
	b.Start()
	t.Cleanup(b.Stop)
	return b
}

// URL is where it listens.
func (b *Broker) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", b.port) }

// Start starts it again at the same address, with what it had stored.
func (b *Broker) Start() {
	b.t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "broker", Host: "127.0.0.1", Port: b.port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: b.dir,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(Patience) {
		b.t.Fatal("the broker did not start")
	}
	b.server = s
}

// Stop ends it; stopping it twice is no mistake.
func (b *Broker) Stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// nextPort is where freePort looks next.
var nextPort atomic.Int64

// freePort is one below the range that client sockets get theirs from, so that nothing takes it while its owner is down.
func freePort(t testing.TB) int {
	t.Helper()
	first := 10000 + os.Getpid()*37%9000
	for range 1000 {
		port := first + int(nextPort.Add(1))
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}
