// Package trace carries the name of one piece of work from service to service: the W3C trace context.
//
// A request gets a trace at the edge, the events that it causes carry it, and so do the handlers of those events. Only
// the name travels; the log lines that mention it are what it is good for.
package trace

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// Trace names a piece of work and the step in it. The zero value is no trace.
type Trace struct {
	id     [16]byte
	parent [8]byte
	flags  byte
}

// New begins a trace. It needs no secrecy and no order, only to be unlike any other.
func New() Trace {
	var t Trace
	_, _ = rand.Read(t.id[:]) // never fails
	_, _ = rand.Read(t.parent[:])
	t.id[0] |= 1 // a trace of zeros is none
	t.parent[0] |= 1
	t.flags = 1
	return t
}

// Of is the trace of work that nothing asked for, such as an alarm's: it begins with the thing of that id.
func Of(id string) Trace {
	var t Trace
	sum := sha256.Sum256([]byte(id))
	copy(t.id[:], sum[:])
	copy(t.parent[:], sum[16:])
	t.id[0] |= 1 // a trace of zeros is none
	t.parent[0] |= 1
	t.flags = 1
	return t
}

// Parse reads a traceparent header of any version of the standard: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>.
func Parse(header string) (Trace, bool) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	var t Trace
	if len(header) < length || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return Trace{}, false
	}
	version, flags := [1]byte{}, [1]byte{}
	if !lowerHex(version[:], header[:2]) || !lowerHex(t.id[:], header[3:35]) ||
		!lowerHex(t.parent[:], header[36:52]) || !lowerHex(flags[:], header[53:55]) {
		return Trace{}, false
	}
	switch {
	case version[0] == 0xff, t.id == [16]byte{}, t.parent == [8]byte{}:
		return Trace{}, false
	case version[0] == 0 && len(header) != length:
		return Trace{}, false
	case len(header) > length && header[length] != '-':
		return Trace{}, false
	}
	t.flags = flags[0]
	return t, true
}

// Valid tells whether t is a trace at all.
func (t Trace) Valid() bool { return t.id != [16]byte{} }

// ID is the trace's id, 32 hex digits; "" if t is none.
func (t Trace) ID() string {
	if !t.Valid() {
		return ""
	}
	return hex.EncodeToString(t.id[:])
}

// Parent is t as a traceparent header; "" if t is none.
func (t Trace) Parent() string {
	if !t.Valid() {
		return ""
	}
	return "00-" + t.ID() + "-" + hex.EncodeToString(t.parent[:]) + "-" + hex.EncodeToString([]byte{t.flags})
}

type key struct{}

// With is ctx with the trace t.
func With(ctx context.Context, t Trace) context.Context { return context.WithValue(ctx, key{}, t) }

// From is the trace of ctx; the zero Trace if it has none.
func From(ctx context.Context) Trace {
	t, _ := ctx.Value(key{}).(Trace)
	return t
}

// lowerHex decodes s into dst; the standard allows no upper case.
func lowerHex(dst []byte, s string) bool {
	for _, c := range []byte(s) {
		if c >= 'A' && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}
