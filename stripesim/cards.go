package stripesim

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// card is one of Stripe's test payment methods: what it looks like, what its bank does, and what comes of it later.
type card struct {
	id      string // Stripe's name; what Stripe publishes only a number of has a name of ours, which no client can use
	number  string // of the card or the account; published for tests
	kind    string // empty: a card
	brand   string // empty: visa
	funding string // empty: credit
	country string // empty: US

	refusal refusal    // the bank's answer to a charge; the zero value is yes
	step    step       // whether the bank wants to see the cardholder first
	risk    string     // Stripe's own judgement; empty is normal
	fails   string     // the checks that fail if there is something to check: cvc, zip, line1
	refunds fate       // what becomes of a refund
	dispute *complaint // what the cardholder says of the charge later
	lingers bool       // the debit is never decided
	atOnce  bool       // its money can be spent without waiting
}

// The kinds of payment method. An account is debited, which takes days and cannot be held.
const (
	cardKind    = "card"
	accountKind = "us_bank_account"
)

// refusal is why the bank says no.
type refusal struct{ code, decline, message, param string }

// step says when the bank wants to see the cardholder.
type step int

const (
	never     step = iota
	onSession      // when the cardholder is there; without them the payment goes through
	always         // without the cardholder the payment is declined
)

// fate is what becomes of a refund.
type fate int

const (
	arrives fate = iota // at once
	pends               // it is pending first
	bounces             // it seems to have arrived, and fails later
)

// complaint is what a cardholder tells their bank.
type complaint struct {
	reason, code string // Stripe's word for it, and the network's
	inquiry      bool   // the bank only asks; no money moves unless it gets worse
	eligible     string // for which of the networks' special procedures
	times        int    // 0 is once
	final        bool   // nothing can be said against it
}

// Stripe's published refusals.
var (
	genericDecline    = refusal{"card_declined", "generic_decline", "Your card was declined.", ""}
	insufficientFunds = refusal{"card_declined", "insufficient_funds", "Your card has insufficient funds.", ""}
	lostCard          = refusal{"card_declined", "lost_card", "Your card was declined.", ""}
	stolenCard        = refusal{"card_declined", "stolen_card", "Your card was declined.", ""}
	fraudulent        = refusal{"card_declined", "fraudulent", "Your card was declined.", ""}
	tooFrequent       = refusal{"card_declined", "card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.", ""}
	expired           = refusal{"expired_card", "expired_card", "Your card has expired.", "exp_month"}
	incorrectCVC      = refusal{"incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc"}
	incorrectNumber   = refusal{"incorrect_number", "incorrect_number", "Your card number is incorrect.", "number"}
	processingError   = refusal{"processing_error", "processing_error", "An error occurred while processing your card. Try again in a little bit.", ""}
	needsCardholder   = refusal{"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication.", ""}
)

// findCard is the card with Stripe's name; those with a brand in it are taken too: pm_card_visa_chargeDeclined is
// pm_card_chargeDeclined.
func findCard(id string) (card, bool) {
	if !strings.HasPrefix(id, "pm_") {
		return card{}, false
	}
	return cardNamed(id)
}

func cardNamed(id string) (card, bool) {
	plain := id
	for _, what := range []string{"chargeDeclined", "chargeCustomerFail"} {
		plain = strings.Replace(plain, "pm_card_visa_"+what, "pm_card_"+what, 1)
	}
	for i := range cards {
		if cards[i].id == plain {
			c := cards[i]
			c.id = id
			return c, true
		}
	}
	return card{}, false
}

// tokenCard is the card of a test token: tok_visa is pm_card_visa.
func tokenCard(token string) (card, bool) {
	name, ok := strings.CutPrefix(token, "tok_")
	if !ok {
		return card{}, false
	}
	return cardNamed("pm_card_" + name)
}

// numberedCard is the first card of the kind with the number.
func numberedCard(kind, number string) (card, bool) {
	for _, c := range cards {
		if c.number == number && c.kindName() == kind {
			return c, true
		}
	}
	return card{}, false
}

func (c card) kindName() string { return or(c.kind, cardKind) }

func (c card) last4() string {
	if len(c.number) < 4 {
		return c.number
	}
	return c.number[len(c.number)-4:]
}

// fingerprint is the same for the same number, and tells nothing of it.
func (c card) fingerprint() string {
	sum := sha256.Sum256([]byte(c.kind + c.number))
	return hex.EncodeToString(sum[:8])
}

// or is the first of the two that says something.
func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
