package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// listener is an HTTP server that listens from the start of the process, so that a taken port is found first, and answers
// with what it is given once the process is ready. Without an address it does nothing.
type listener struct {
	flag    string // that the address comes from
	addr    string
	socket  net.Listener
	server  *http.Server
	handler atomic.Pointer[http.Handler]
}

func newListener(flag, addr string, log *slog.Logger) *listener {
	l := &listener{flag: flag, addr: addr}
	l.server = &http.Server{
		Handler:           l,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return l
}

func (l *listener) off() bool { return l.addr == "" }

// answerWith replaces the handler.
func (l *listener) answerWith(h http.Handler) { l.handler.Store(&h) }

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*l.handler.Load()).ServeHTTP(w, r)
}

func (l *listener) listen(ctx context.Context) (err error) {
	if l.off() {
		return nil
	}
	l.socket, err = new(net.ListenConfig).Listen(ctx, "tcp", l.addr)
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("cannot listen on %s: %w (choose another with %s)", l.addr, op.Err, l.flag)
	}
	return err
}

func (l *listener) serve(ctx context.Context) error {
	if l.off() {
		<-ctx.Done()
		return nil
	}
	return l.server.Serve(l.socket)
}

// drain stops listening and waits for the requests that are being answered.
func (l *listener) drain(ctx context.Context) error {
	if l.off() {
		return nil
	}
	if err := l.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("%s: requests were still being answered: %w", l.flag, errors.Join(err, l.server.Close()))
	}
	return nil
}

func (l *listener) close(context.Context) error { return l.server.Close() }

// url is where a browser on this machine finds the listener.
func (l *listener) url() string {
	host, port, err := net.SplitHostPort(l.socket.Addr().String())
	if err != nil {
		return "http://" + l.addr // cannot be: a TCP address has a port
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
