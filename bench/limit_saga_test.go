package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The commits that follow one another in a lock and in a purchase, by the service whose database takes them. Each is said,
// and what is said makes the next one. A lock is: ordered, locked, told to the order. A purchase goes on: charge, claim of
// the order, money taken, order completed, ticket sold.
var (
	lockSteps     = []string{"orders", "tickets", "orders"}
	purchaseSteps = []string{"orders", "tickets", "orders", "payments", "orders", "payments", "orders", "tickets"}
)

// BenchmarkLimitLock is the bare saga of a lock, BenchmarkLimitLockAlone of one after another, BenchmarkLimitPurchase that
// of a whole purchase.
func BenchmarkLimitLock(b *testing.B)      { benchmark(b, 8000, bareSagas(b, lockSteps, crowd)) }
func BenchmarkLimitLockAlone(b *testing.B) { benchmark(b, 500, bareSagas(b, lockSteps, 1)) }
func BenchmarkLimitPurchase(b *testing.B)  { benchmark(b, 4000, bareSagas(b, purchaseSteps, crowd)) }

// BenchmarkLimitHop is one event from its commit to the commit that it makes, at a quiet pace.
func BenchmarkLimitHop(b *testing.B) { benchmark(b, 500, bareSagas(b, lockSteps[:2], 1)) }

// bareSagas runs sagas of these steps, so many at once.
func bareSagas(tb testing.TB, steps []string, people int) work {
	tb.Helper()
	s := &saga{tb: tb, steps: steps}
	s.start()
	next := 0
	return func(tb testing.TB, count int) sample {
		from := next
		next += count
		s.waits = make([]chan struct{}, next)
		for i := from; i < next; i++ {
			s.waits[i] = make(chan struct{})
		}
		measured := together(tb, people, count, func(_, n int) error {
			if err := s.dbs[steps[0]].store(bareStep{row: from + n, version: 1, stage: 0}); err != nil {
				return err
			}
			select {
			case <-s.waits[from+n]:
				return nil
			case <-time.After(bareWait):
				return errors.New("a bare saga did not end")
			}
		})
		if people == 1 {
			measured.took = 0
		}
		return measured
	}
}

// saga is the engines and nothing else: databases, an event log, and what goes between them.
type saga struct {
	tb    testing.TB
	steps []string
	dbs   map[string]*bare
	js    jetstream.JetStream
	waits []chan struct{} // by row
}

func (s *saga) start() {
	s.tb.Helper()
	log, err := server.NewServer(&server.Options{ServerName: "bare", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: s.tb.TempDir()})
	if err != nil {
		s.tb.Fatal(err)
	}
	go log.Start()
	if !log.ReadyForConnections(patience) {
		s.tb.Fatal("the bare event log did not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(log))
	if err != nil {
		s.tb.Fatal(err)
	}
	if s.js, err = jetstream.New(conn); err != nil {
		s.tb.Fatal(err)
	}
	ctx := context.Background()
	if _, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "BARE", Subjects: []string{"bare.>"}, Storage: jetstream.FileStorage}); err != nil {
		s.tb.Fatal(err)
	}
	s.dbs = map[string]*bare{}
	s.tb.Cleanup(func() {
		conn.Close()
		for _, d := range s.dbs {
			d.close()
		}
		log.Shutdown()
		log.WaitForShutdown()
	})
	for _, name := range s.steps {
		if s.dbs[name] == nil {
			s.dbs[name] = newBare(s.tb, name, bareGroup)
			s.relay(s.dbs[name])
			s.follow(ctx, name)
		}
	}
}

// relay publishes what a database has said, and writes down there that it did.
func (s *saga) relay(d *bare) {
	waiting := make(chan []bareStep, 4096)
	ended := make(chan struct{})
	d.said = func(steps []bareStep) {
		var more []bareStep
		for _, step := range steps {
			if step.stage == len(s.steps)-1 {
				close(s.waits[step.row])
			}
			more = append(more, step)
		}
		waiting <- more
	}
	go func() {
		defer close(ended)
		for steps := range waiting {
			for len(waiting) > 0 {
				steps = append(steps, <-waiting...)
			}
			var acks []jetstream.PubAckFuture
			for _, step := range steps {
				ack, err := s.js.PublishAsync("bare."+s.target(step.stage), message(step))
				if err != nil {
					return // the connection is gone: it is over
				}
				acks = append(acks, ack)
			}
			for _, ack := range acks {
				select {
				case <-ack.Ok():
				case <-ack.Err():
					return
				}
			}
			d.queue <- bareCall{steps: steps, seqs: true, done: make(chan error, 1)}
		}
	}()
	s.tb.Cleanup(func() { close(waiting); <-ended })
}

// target is whom an event of this stage makes do something: nobody, at the end.
func (s *saga) target(stage int) string {
	if stage+1 == len(s.steps) {
		return "nobody"
	}
	return s.steps[stage+1]
}

// message is a step as an event, as large as real ones.
func message(step bareStep) []byte {
	m := []byte(bareDocument)
	binary.LittleEndian.PutUint32(m, uint32(step.row))
	binary.LittleEndian.PutUint32(m[4:], uint32(step.stage))
	return m
}

// follow takes the next step of each saga whose event arrives, in groups, and acknowledges them then.
func (s *saga) follow(ctx context.Context, name string) {
	consumer, err := s.js.CreateConsumer(ctx, "BARE", jetstream.ConsumerConfig{
		Durable: name, FilterSubject: "bare." + name, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 4096,
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	in := make(chan jetstream.Msg, 512)
	consuming, err := consumer.Consume(func(m jetstream.Msg) { in <- m }, jetstream.PullMaxMessages(512))
	if err != nil {
		s.tb.Fatal(err)
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case m := <-in:
				s.pass(s.dbs[name], m, in)
			case <-over:
				return
			}
		}
	}()
	s.tb.Cleanup(func() { consuming.Stop(); close(over); <-ended })
}

// pass commits a batch of what has arrived and acknowledges it.
func (s *saga) pass(d *bare, first jetstream.Msg, in <-chan jetstream.Msg) {
	batch := []jetstream.Msg{first}
	for len(batch) < bareGroup && len(in) > 0 {
		batch = append(batch, <-in)
	}
	call := bareCall{done: make(chan error, 1)}
	for _, m := range batch {
		row, stage := binary.LittleEndian.Uint32(m.Data()), int(binary.LittleEndian.Uint32(m.Data()[4:]))+1
		call.steps = append(call.steps, bareStep{row: int(row), version: stage + 1, stage: stage})
	}
	d.queue <- call
	if err := <-call.done; err != nil {
		return // the sagas time out, and say so
	}
	for _, m := range batch {
		_ = m.Ack() // one that gets lost would come again, to no effect
	}
}
