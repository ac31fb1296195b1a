package auth

import (
	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// Follow registers what auth follows: nothing. Accounts change only because their owners say so.
func (s *Service) Follow(*bus.Bus) {}

// announce says UserCreated or UserUpdated with the account's whole state, together with the change itself. This process
// knows of ended sessions as soon as the change is committed, the others when the event reaches them.
func (s *Service) announce(tx *store.Tx, t event.Type, u User) error {
	state := u.state()
	tx.AfterCommit(func() { s.ended.Apply(state) })
	return s.bus.Emit(tx, t, state)
}
