package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var errNotConnected = errors.New("the event log is not connected")

// Stream is the JetStream stream that is the event log.
const Stream = "TICKETING"

const (
	duplicateWindow = 2 * time.Minute
	clusterReplicas = 3
	reconnectWait   = 200 * time.Millisecond
	answerTimeout   = 5 * time.Second // of the server
	mostPending     = 16384           // messages that the server has not answered about, of all services of the process
	hintPrefix      = "ticketing-hint."
)

// NATSOptions say where the event log is.
type NATSOptions struct {
	URL      string       // of NATS servers, separated by commas; empty means a server inside this process
	Dir      string       // its folder, which is its own; used when URL is empty
	Replicas int          // copies of the log in a cluster; 0 means three in a cluster, one otherwise
	Log      *slog.Logger // nil means none
}

// NATS is the event log in JetStream.
type NATS struct {
	options NATSOptions
	log     *slog.Logger
	conn    *nats.Conn
	js      jetstream.JetStream
	server  *server.Server // nil unless it is inside this process
	lock    *flock.Flock   // of the folder of that server

	sendMu    sync.Mutex
	newest    *Sending // the last one that was sent, or nil
	over      bool     // nothing is sent any more
	sendings  chan sent
	settled   chan struct{} // closed when all of them have ended
	last      uint64        // where the last message lies in a log of our own, for settle alone
	lastKnown bool

	feed   feed    // of a log of our own
	places *places // likewise; nil otherwise

	mu      sync.Mutex
	session context.Context // ends at the next new connection: answers from before it never come
	renew   context.CancelFunc
}

// Connect opens the event log, and makes it if there is none. Its error is one plain line.
func Connect(ctx context.Context, o NATSOptions) (*NATS, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL == "" {
		return openEmbedded(ctx, o)
	}
	n := newNATS(o)
	if err := n.connect(o.URL); err != nil {
		return nil, fmt.Errorf("the event log at %s cannot be reached: %w", redacted(o.URL), err)
	}
	if _, err := n.stream(ctx); err != nil {
		n.Close()
		return nil, fmt.Errorf("the event log at %s cannot be used: %w", redacted(o.URL), err)
	}
	return n, nil
}

func newNATS(o NATSOptions) *NATS {
	n := &NATS{options: o, log: o.Log, sendings: make(chan sent, mostSendings), settled: make(chan struct{})}
	n.session, n.renew = context.WithCancel(context.Background())
	return n
}

// redacted is a list of URLs without the passwords in them.
func redacted(list string) string {
	urls := strings.Split(list, ",")
	for i, s := range urls {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			return "the given URL"
		}
		if _, has := u.User.Password(); !has && u.User != nil {
			u.User = url.User("xxxxx") // a token
		}
		urls[i] = u.Redacted()
	}
	return strings.Join(urls, ",")
}

func (n *NATS) connect(url string, more ...nats.Option) error {
	options := append([]nats.Option{
		nats.Name("ticketing"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait/2, reconnectWait/2),
		nats.ReconnectBufSize(-1), // what cannot be sent fails at once; the outbox is the buffer
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.Timeout(answerTimeout),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				n.log.Warn("the connection to the event log is lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			n.log.Info("the event log is connected again", "url", c.ConnectedUrlRedacted())
			n.mu.Lock()
			defer n.mu.Unlock()
			n.renew()
			n.session, n.renew = context.WithCancel(context.Background())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			n.log.Warn("the event log's connection", "error", err)
		}),
	}, more...)
	conn, err := nats.Connect(url, options...)
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(answerTimeout), jetstream.WithPublishAsyncTimeout(answerTimeout),
		jetstream.WithPublishAsyncMaxPending(mostPending))
	if err != nil {
		conn.Close()
		return err
	}
	n.conn, n.js = conn, js
	go n.settle()
	return nil
}

// stream looks the stream up on the server, and makes it if there is none.
func (n *NATS) stream(ctx context.Context) (jetstream.Stream, error) {
	s, err := n.js.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return n.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	c := s.CachedInfo().Config
	if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || !c.DenyDelete || !c.DenyPurge ||
		c.Discard != jetstream.DiscardNew || !slices.Equal(c.Subjects, []string{"ticketing.>"}) {
		return nil, fmt.Errorf("its stream %s has settings that are not ours", Stream)
	}
	return s, nil
}

func (n *NATS) create(ctx context.Context) (jetstream.Stream, error) {
	c := jetstream.StreamConfig{
		Name: Stream, Description: "The event log of the ticket exchange.", Subjects: []string{"ticketing.>"},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		DenyDelete: true, DenyPurge: true, Duplicates: duplicateWindow, Replicas: n.options.Replicas,
	}
	automatic := c.Replicas == 0
	if automatic {
		c.Replicas = 1
		if n.conn.ConnectedClusterName() != "" {
			c.Replicas = clusterReplicas
		}
	}
	s, err := n.js.CreateStream(ctx, c)
	var refused *jetstream.APIError
	if automatic && c.Replicas > 1 && errors.As(err, &refused) && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		c.Replicas = 1 // a cluster of fewer than three
		s, err = n.js.CreateStream(ctx, c)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process has just made it
		return n.js.Stream(ctx, Stream)
	}
	return s, err
}

// State is the stream's state on the server.
func (n *NATS) State(ctx context.Context) (LogState, error) {
	ctx, cancel := n.request(ctx)
	defer cancel()
	s, err := n.stream(ctx)
	if err != nil {
		return LogState{}, fmt.Errorf("state of the event log: %w", err)
	}
	info := s.CachedInfo() // stream has just asked for it
	return LogState{
		Identity: info.Created.UTC().Format(time.RFC3339Nano),
		First:    info.State.FirstSeq, Last: info.State.LastSeq, Messages: info.State.Msgs,
	}, nil
}

// Has tells whether the message at seq has that id.
func (n *NATS) Has(ctx context.Context, seq uint64, id string) (bool, error) {
	ctx, cancel := n.request(ctx)
	defer cancel()
	s, err := n.stream(ctx)
	if err != nil {
		return false, fmt.Errorf("reading the event log: %w", err)
	}
	m, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the event log: %w", err)
	}
	return m.Header.Get(jetstream.MsgIDHeader) == id, nil
}

// Rewind deletes the durable consumers; those who use them make them anew.
func (n *NATS) Rewind(ctx context.Context) error {
	if n.own() {
		n.places.forget()
		return nil
	}
	ctx, cancel := n.request(ctx)
	defer cancel()
	s, err := n.stream(ctx)
	if err != nil {
		return err
	}
	list := s.ListConsumers(ctx)
	var durables []string
	for info := range list.Info() {
		if info.Config.Durable != "" {
			durables = append(durables, info.Config.Durable)
		}
	}
	if err := list.Err(); err != nil {
		return err
	}
	for _, name := range durables {
		if err := s.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	return nil
}

// Connection counts the connections to the server.
func (n *NATS) Connection() uint64 { return n.conn.Stats().Reconnects }

// Reconnected is closed at the next new connection.
func (n *NATS) Reconnected() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.session.Done()
}

// request is a context for requests to the server: it ends with ctx, after a while, and at the next new connection.
func (n *NATS) request(ctx context.Context) (context.Context, context.CancelFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	stop := context.AfterFunc(n.session, cancel)
	return ctx, func() { stop(); cancel() }
}

// Hint wakes those who listen for the topic, in any process.
func (n *NATS) Hint(topic string, data []byte) { _ = n.conn.Publish(hintPrefix+topic, data) } // one that gets lost costs a poll

// OnHint has f called at every hint on the topic.
func (n *NATS) OnHint(topic string, f func(data []byte)) (stop func(), err error) {
	sub, err := n.conn.Subscribe(hintPrefix+topic, func(m *nats.Msg) { f(m.Data) })
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// Healthy says why the log cannot be used right now, nil if it can.
func (n *NATS) Healthy() error {
	if !n.conn.IsConnected() {
		return errNotConnected
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := n.stream(ctx); err != nil {
		return fmt.Errorf("the event log does not answer: %w", err)
	}
	return nil
}

// Close ends the connection, and the server if it is inside this process. Followers and relays must have ended before.
func (n *NATS) Close() {
	defer n.renew()
	if n.conn != nil {
		n.endSending()
	}
	if n.places != nil {
		n.places.close()
	}
	if n.conn != nil {
		_ = n.conn.FlushTimeout(time.Second) // the last acknowledgements
		n.conn.Close()
	}
	if n.server != nil {
		n.server.Shutdown()
		n.server.WaitForShutdown()
	}
	if n.lock != nil {
		_ = n.lock.Unlock()
	}
}
