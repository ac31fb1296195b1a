package expiration

import (
	"context"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// Follow registers what expiration follows: orders, from when they are made until they are decided.
func (s *Service) Follow(b *bus.Bus) {
	bus.Follow(b, s.onOrder, bus.Unhurried) // a lock lasts minutes
}

func (s *Service) onOrder(_ context.Context, tx *store.Tx, o event.Order) error {
	switch o.Status {
	case event.Completed, event.Cancelled:
		return forget(tx, o.ID)
	}
	return keep(tx, o.ID, o.ExpiresAt)
}
