package web

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ticketing/kernel/fault"
)

const (
	heartbeat  = 20 * time.Second // so that nothing between takes the connection for dead
	writeTime  = 10 * time.Second // a page that takes longer has to come back
	liveFor    = time.Hour        // then the page comes back, to whichever process has room
	mostTopics = 64
)

// listen makes the page live: it hears of these topics, and of what happened since the request began.
func (v *visit) listen(topics ...string) { v.Live = strings.Join(topics, " ") }

// live is GET /live?topics=…&after=…: server-sent events about these topics. A page that comes back says by Last-Event-ID
// what it has heard last.
func (s *Site) live(v *visit) error {
	if s.hub == nil {
		v.w.WriteHeader(http.StatusNoContent) // which tells a browser not to come back
		return nil
	}
	r, err := v.reader(strings.Fields(v.r.URL.Query().Get("topics")))
	if err != nil {
		return err
	}
	after, err := strconv.ParseUint(either(v.r.Header.Get("Last-Event-ID"), v.r.URL.Query().Get("after")), 10, 64)
	if err != nil {
		after, _ = s.hub.newest()
	}
	connection := http.NewResponseController(v.w)
	r.cut = func() { _ = connection.SetWriteDeadline(time.Unix(1, 0)) } // the connection may be gone already
	if !s.hub.join(r, after) {
		return fault.Busy.New("The service cannot answer right now. Please try again in a moment.").After(5 * time.Second)
	}
	defer s.hub.leave(r)
	return v.gone(v.stream(r, after))
}

// reader is the visitor's page with these topics, if they all are for the visitor to hear of.
func (v *visit) reader(topics []string) (*reader, error) {
	r := &reader{}
	if len(topics) == 0 || len(topics) > mostTopics {
		return nil, fault.BadInput.New("Name between 1 and %d topics.", mostTopics).On("topics")
	}
	for _, topic := range topics {
		own, err := v.topic(topic)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(r.topics, own) {
			r.topics = append(r.topics, own)
		}
	}
	if v.asked && v.User != nil {
		r.user = v.User.ID
	}
	return r, nil
}

// topic is the topic as the hub knows it.
func (v *visit) topic(name string) (string, error) {
	switch {
	case name == topicMarket, strings.HasPrefix(name, aboutTicket):
		return name, nil
	case name == topicOrders, name == topicSelling:
		user, err := v.mustBeSignedIn()
		if err != nil {
			return "", err
		}
		return name + ":" + user.ID, nil
	case strings.HasPrefix(name, aboutOrder):
		if _, err := v.mustBeSignedIn(); err != nil {
			return "", err
		}
		// The API knows whose order it is; to everybody else it does not exist.
		_, err := v.client.Order(v.Context(), strings.TrimPrefix(name, aboutOrder))
		return name, err
	}
	return "", fault.BadInput.New("There is no topic %q.", name).On("topics")
}

// stream sends events until the visitor goes away, has to come back, or the hub is over.
func (v *visit) stream(r *reader, after uint64) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events either
	out := &stream{w: v.w, connection: http.NewResponseController(v.w)}
	_ = out.connection.SetReadDeadline(time.Time{}) // it was for the request, which has been read
	hello := fmt.Sprintf(`{"now":%d}`, v.site.now().UnixMilli())
	// Those who were sent away together must not come back together.
	begin := fmt.Appendf(nil, "retry: %d\n", 500+rand.IntN(1500))
	if err := out.send(append(begin, sse(after, "hello", []byte(hello))...)); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat - rand.N(heartbeat/4))
	defer beat.Stop()
	end := time.NewTimer(liveFor + rand.N(liveFor/4))
	defer end.Stop()
	for {
		select {
		case <-r.wake:
			if err := out.pass(v.site.hub, r); err != nil {
				return err
			}
			select { // what happens now is sent together, a moment later
			case <-v.Context().Done():
			case <-time.After(v.site.hub.together()):
			}
		case <-beat.C:
			if err := out.send([]byte(":\n\n")); err != nil {
				return err
			}
		case <-end.C:
			return nil
		case <-v.site.hub.closed:
			return nil
		case <-v.Context().Done():
			return nil
		}
	}
}

// stream is the way to one page.
type stream struct {
	w          http.ResponseWriter
	connection *http.ResponseController
}

// errComeBack ends a connection whose page has to make another one.
var errComeBack = fault.Busy.New("The page has to come back.")

// pass sends all that waits for the page.
func (out *stream) pass(h *hub, r *reader) error {
	frames, stays := h.next(r)
	if !stays {
		return errComeBack
	}
	var text []byte
	if len(frames) == 1 {
		text = frames[0].text
	} else {
		for _, f := range frames {
			text = append(text, f.text...)
		}
	}
	return out.send(text)
}

func (out *stream) send(text []byte) error {
	if err := out.connection.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := out.w.Write(text); err != nil {
		return err
	}
	return out.connection.Flush()
}

func either(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
