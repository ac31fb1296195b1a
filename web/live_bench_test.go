package web_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ticketing/kernel/event"
)

const openPages = 2000

// BenchmarkOpenPages is one event to 2,000 open pages of the market, over real connections. It says what a page costs in
// memory, the connection's own buffers in Go included, and what an event costs in processor time, the pages' side included.
func BenchmarkOpenPages(b *testing.B) {
	l := openLive(b, empty)
	before := memory()
	pages := make([]net.Conn, openPages)
	for i := range pages {
		pages[i] = l.connects(b)
	}
	each := float64(memory()-before) / openPages
	spent := processor(b)
	for b.Loop() {
		l.says(event.TicketUpdated, event.Ticket{ID: "a", Title: "Row 3, seat 12", Status: "locked", Version: int64(l.seq)})
		last := fmt.Sprintf("id: %d\n", l.seq)
		for _, p := range pages {
			awaits(b, p, last)
		}
	}
	b.ReportMetric(each/1024, "KiB/page")
	b.ReportMetric(float64((processor(b)-spent).Microseconds())/float64(b.N), "cpu-µs/op")
}

// connects opens a page that holds no more than its socket.
func (l *live) connects(b *testing.B) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET /live?topics=market&after=100 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	awaits(b, conn, "hello")
	return conn
}

// awaits reads until the connection has brought the text and the end of its event.
func awaits(b *testing.B, conn net.Conn, text string) {
	b.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReaderSize(conn, 1024)
	for found := false; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			b.Fatalf("%q did not come: %v", text, err)
		}
		found = found || strings.Contains(line, text)
		if found && line == "\n" {
			return
		}
	}
}

// memory is what the process has from the system and uses, goroutines' stacks included.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// processor is the time that the process has used of the machine's processors.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
