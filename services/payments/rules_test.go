package payments

import (
	"time"

	"ticketing/kernel/event"
)

// Claims is an order as far as payments matter to it. Its methods say again what the service orders does with payments:
// services do not import one another, and what is checked here must hold for these rules, not for a copy of the code.
type Claims struct {
	Status    string
	Reason    string // why it is cancelled
	ChargeID  string // the payment that has the order
	ExpiresAt time.Time
}

// Grace is how long past its end an order waits for the charge that has it.
const Grace = 3 * time.Minute

// Claim gives the order to the charge if it is nobody's.
func (c *Claims) Claim(chargeID string) bool {
	if c.Status != event.AwaitingPayment || c.ChargeID != "" {
		return false
	}
	c.ChargeID = chargeID
	return true
}

// Complete is what happens when it is paid.
func (c *Claims) Complete(chargeID string) bool {
	if c.Status != event.AwaitingPayment {
		return false
	}
	c.Status, c.ChargeID = event.Completed, chargeID
	return true
}

// FailPayment is what happens when a charge has failed, the last of so many failed ones, of so many that are allowed. While
// another charge has the order, that one decides.
func (c *Claims) FailPayment(chargeID string, failed, allowed int) bool {
	if !c.live() || c.ChargeID != "" && c.ChargeID != chargeID {
		return false
	}
	freed := c.ChargeID != ""
	c.ChargeID = ""
	return failed >= allowed && c.End(event.PaymentFailed) || freed
}

// Expire is what happens when the time is over.
func (c *Claims) Expire(now time.Time) bool {
	if !c.live() || now.Before(c.ExpiresAt) || c.ChargeID != "" && now.Before(c.ExpiresAt.Add(Grace)) {
		return false
	}
	return c.End(event.Expired)
}

// Cancel is what happens when the buyer wants it no more.
func (c *Claims) Cancel() bool {
	return c.live() && c.ChargeID == "" && c.End(event.ByBuyer)
}

// Hear is what happens when a charge is heard of. Undecided is the order's undecided charge, if one is known; failed is how
// many are known to have failed.
func (c *Claims) Hear(chargeID, status, undecided string, failed, allowed int, now time.Time) (changed bool) {
	switch status {
	case event.Completed:
		return c.Complete(chargeID)
	case event.ChargeFailed:
		changed = c.FailPayment(chargeID, failed, allowed)
	}
	if undecided != "" && c.Claim(undecided) {
		changed = true
	}
	return c.Expire(now) || changed
}

// End cancels the order, whatever it is.
func (c *Claims) End(reason string) bool {
	c.Status, c.Reason, c.ChargeID = event.Cancelled, reason, ""
	return true
}

func (c *Claims) live() bool { return c.Status == event.Created || c.Status == event.AwaitingPayment }
