package httpapi

import (
	"context"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/google/uuid"

	"ticketing/kernel/fault"
)

// arrival is what the edge knows about a request, whichever service answers it.
type arrival struct {
	client netip.Addr
	secure bool
	log    *slog.Logger
}

// call is one request to one route.
type call struct {
	url   *url.URL
	id    string
	newID func() string
	until time.Time // see KeepUntil
}

type (
	arrivalKey struct{}
	callKey    struct{}
)

func arrivalOf(ctx context.Context) *arrival {
	a, _ := ctx.Value(arrivalKey{}).(*arrival)
	return a
}

func loggerOf(ctx context.Context) *slog.Logger {
	if a := arrivalOf(ctx); a != nil {
		return a.log
	}
	return slog.New(slog.DiscardHandler)
}

// ClientAddr is the client's address: the connection's, or what a trusted proxy says. It is not valid for a request that
// did not come through Edge.
func ClientAddr(ctx context.Context) netip.Addr {
	if a := arrivalOf(ctx); a != nil {
		return a.client
	}
	return netip.Addr{}
}

// ClientKey is the client for a Limiter: the address, or the network of it where one customer has a whole /64.
func ClientKey(ctx context.Context) string {
	addr := ClientAddr(ctx)
	if addr.Is6() {
		if network, err := addr.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}

// Secure tells whether the client came over HTTPS, directly or to a trusted proxy.
func Secure(ctx context.Context) bool {
	a := arrivalOf(ctx)
	return a != nil && a.secure
}

// ID is the id for the entity that this request creates. It is the same at every call within a request, and the same in
// a repeat with the same Idempotency-Key after a crash, so that the repeat finds what the first attempt created.
func ID(ctx context.Context) string {
	c, _ := ctx.Value(callKey{}).(*call)
	switch {
	case c == nil:
		return newUUID()
	case c.id == "":
		c.id = c.newID()
	}
	return c.id
}

// ParseID takes an id from a request: a canonical UUID in lower case. Anything else names nothing, so its error is
// fault.Unknown.
func ParseID(s string) (string, error) {
	if !isID(s) {
		return "", fault.Unknown.New("There is no such thing here.")
	}
	return s, nil
}

func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }
