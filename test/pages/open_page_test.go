package pages

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/test/market"
)

// openPage is the connection of one open page.
type openPage struct {
	conn net.Conn

	mu    sync.Mutex
	more  *sync.Cond
	all   []hearing
	ended error
}

// hearing says when a page has heard of a change.
type hearing struct {
	change int
	at     time.Duration // since the audience began
}

// grow opens pages until there are n.
func (a *audience) grow(n int) {
	a.t.Helper()
	for len(a.pages) < n {
		conn, err := net.Dial("tcp", strings.TrimPrefix(a.Front.URL, "http://"))
		if err != nil {
			a.t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "GET /live?topics=market HTTP/1.1\r\nHost: market\r\n\r\n"); err != nil {
			a.t.Fatal(err)
		}
		p := &openPage{conn: conn}
		p.more = sync.NewCond(&p.mu)
		a.pages = append(a.pages, p)
		lines := bufio.NewReaderSize(conn, 2048)
		begin(a.t, conn, lines)
		go p.listen(lines, a.began)
	}
}

// begin reads until the page is live.
func begin(t *testing.T, conn net.Conn, lines *bufio.Reader) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(market.Patience)); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("a page is not live: %v", err)
		}
		if line == "event: hello\n" {
			break
		}
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
}

func (p *openPage) listen(lines *bufio.Reader, began time.Time) {
	var err error
	var line []byte
	for err == nil {
		if line, err = lines.ReadSlice('\n'); err == bufio.ErrBufferFull {
			err = nil
		}
		if _, price, told := bytes.Cut(line, []byte(`"price":`)); told {
			p.note(price, time.Since(began))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = err
	p.more.Broadcast()
}

// note reads which change it was from the price.
func (p *openPage) note(price []byte, at time.Duration) {
	end := bytes.IndexAny(price, ",}")
	if end < 0 {
		return
	}
	amount, err := strconv.ParseFloat(string(price[:end]), 64)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, hearing{int(amount*100+0.5) - 1000, at})
	p.more.Broadcast()
}

func (p *openPage) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = nil
}

// await is what the page has heard since it has forgotten all, once those are n changes.
func (p *openPage) await(t *testing.T, n int) []hearing {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.all) < n {
		if p.ended != nil {
			t.Fatalf("the connection of a page has ended: %v", p.ended)
		}
		p.more.Wait()
	}
	return p.all
}

func (a *audience) leave() {
	for _, p := range a.pages {
		_ = p.conn.Close() // the market lets them go anyway
	}
}
