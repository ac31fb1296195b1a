package market

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Event is one message of the event log: a CloudEvents document.
type Event struct {
	SpecVersion, ID, Source, Type, Subject, DataContentType, DataSchema, TraceParent string
	Time                                                                             time.Time
	Data                                                                             json.RawMessage

	Raw string
}

// Log reads the event log from its start, as a service that joins the market would: from the broker, or from the
// operators' listener when the log is inside the process.
func (m *Market) Log() []Event {
	m.t.Helper()
	lines, err := m.readLog()
	if err != nil {
		m.t.Fatal(err)
	}
	return m.parse(lines)
}

// PrintedLog is the event log as the program's own command prints it.
func (m *Market) PrintedLog() []Event {
	m.t.Helper()
	code, out, errs := Tool(m.t, append([]string{"events", "--json"}, m.Place()...)...)
	if code != 0 || errs != "" {
		m.t.Fatalf("events: %d %s", code, errs)
	}
	return m.parse(strings.Split(strings.TrimSpace(out), "\n"))
}

// Place is the flags that say to the program's tools where this market is.
func (m *Market) Place() []string {
	if m.Apart {
		return []string{"--database-url", m.Database, "--nats-url", m.Broker.URL(), "--ops-addr", "off"}
	}
	place := []string{"--data", m.Front.Data(), "--ops-addr", strings.TrimPrefix(m.Front.Ops, "http://")}
	if m.Postgres {
		place = append(place, "--database-url", m.Database)
	}
	return place
}

func (m *Market) parse(lines []string) []Event {
	m.t.Helper()
	events := make([]Event, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &events[i]); err != nil {
			m.t.Fatalf("%v in the event log: %s", err, line)
		}
		events[i].Raw = line
	}
	return events
}

func (m *Market) readLog() ([]string, error) {
	if m.Broker != nil {
		return readStream(m.Broker.URL())
	}
	a := m.ask(nil, "GET", m.Front.Ops+"/events", nil, nil)
	if a.Status != 200 {
		return nil, fmt.Errorf("read the event log: %s", a)
	}
	var lines []string
	all := bufio.NewScanner(strings.NewReader(string(a.Body)))
	all.Buffer(nil, 1<<20)
	for all.Scan() {
		lines = append(lines, all.Text())
	}
	return lines, all.Err()
}

// readStream reads the stream with nothing but a NATS library, to the end that it had at the beginning.
func readStream(broker string) ([]string, error) {
	conn, err := nats.Connect(broker)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	stream, err := js.Stream(ctx, "TICKETING")
	if err != nil {
		return nil, err
	}
	reader, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return nil, err
	}
	var lines []string
	for last := stream.CachedInfo().State.LastSeq; ; {
		if last == 0 {
			return nil, nil
		}
		message, err := reader.Next(jetstream.FetchMaxWait(Patience))
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(message.Data()))
		meta, err := message.Metadata()
		if err != nil {
			return nil, err
		}
		if meta.Sequence.Stream >= last {
			return lines, nil
		}
	}
}

// unpublished names the services with events that wait to be published, or that do not say.
func (m *Market) unpublished() string {
	var waiting []string
	for _, p := range m.All {
		if !p.Running() {
			continue
		}
		a := m.ask(nil, "GET", p.Ops+"/metrics", nil, nil)
		if a.Status != 200 {
			return fmt.Sprintf("the metrics of %s: %s", p.name, a)
		}
		for line := range strings.Lines(string(a.Body)) {
			if strings.HasPrefix(line, "ticketing_outbox_unpublished{") && !strings.HasSuffix(line, " 0\n") {
				waiting = append(waiting, line)
			}
		}
	}
	return strings.Join(waiting, "")
}

// Failed is what the market's services could not handle.
func (m *Market) Failed() string {
	m.t.Helper()
	code, out, errs := Tool(m.t, append([]string{"failed"}, m.Place()...)...)
	if code != 0 {
		m.t.Fatalf("failed: %d %s", code, errs)
	}
	return strings.TrimSpace(out)
}
