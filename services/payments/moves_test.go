package payments

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
)

// whatComesNext is the protocol as a table: what is done about an undecided charge, by what Stripe says of its intent (rows)
// and by what is known of its order (columns). "hold/at once" are two entries where the modes differ.
const whatComesNext = `
intent                   | free    | its own         | another's | cancelled | overdue | cancelled and overdue
not made                 | create  | create          | create    | drop      | drop    | drop
not asked                | ask     | ask             | ask       | ask       | ask     | ask
requires_confirmation    | confirm/rest | confirm    | confirm/rest | release | release | release
requires_action          | step    | step            | step      | release   | release | release
processing               | rest    | rest            | rest      | release   | release | release
requires_capture         | rest    | capture         | rest      | release   | release | release
succeeded                | finish  | finish          | finish    | finish    | finish  | finish
canceled                 | drop    | drop            | drop      | drop      | drop    | drop
requires_payment_method  | release | release         | release   | release   | release | release
something new            | rest    | rest            | rest      | release   | release | release
`

var moveNames = map[move]string{rest: "rest", create: "create", ask: "ask", confirm: "confirm", step: "step", capture: "capture",
	release: "release", finish: "finish", drop: "drop"}

// knownOrders are the states of an order that differ for one of its charges.
var knownOrders = map[string][]Order{
	"free":      {{Status: event.AwaitingPayment}, {Status: event.Created}, {Status: event.Completed}},
	"its own":   {{Status: event.AwaitingPayment, ChargeID: "c"}},
	"another's": {{Status: event.AwaitingPayment, ChargeID: "d"}, {Status: event.Completed, ChargeID: "d"}},
	"cancelled": {{Status: event.Cancelled}, {Status: event.Cancelled, ChargeID: "c"}},
}

func TestWhatComesNext(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(whatComesNext), "\n")
	columns := cells(lines[0])
	n := 0
	for _, line := range lines[1:] {
		row := cells(line)
		for i, want := range row[1:] {
			for _, hold := range []bool{true, false} {
				for _, f := range filesOf(columns[i+1], hold) {
					n++
					checkMove(t, row[0], columns[i+1], pick(want, hold), f)
				}
			}
		}
	}
	t.Logf("%d combinations", n)
	if want := 10 * 2 * (3 + 1 + 2 + 2 + 2*6 + 2*2); n != want {
		t.Errorf("%d combinations, want %d", n, want)
	}
}

func cells(line string) (all []string) {
	for cell := range strings.SplitSeq(line, "|") {
		all = append(all, strings.TrimSpace(cell))
	}
	return all
}

// pick is the entry for the mode.
func pick(cell string, hold bool) string {
	first, second, both := strings.Cut(cell, "/")
	if both && !hold {
		return second
	}
	return first
}

// filesOf are all files that fit the column: an overdue charge at the moment it is, and long after.
func filesOf(column string, hold bool) (all []file) {
	made := time.Date(2027, 3, 1, 20, 0, 0, 0, time.UTC)
	ages, orders := []time.Duration{patience - time.Millisecond}, knownOrders[column]
	switch column {
	case "overdue":
		ages = []time.Duration{patience, time.Hour}
		for _, name := range []string{"free", "its own", "another's"} {
			orders = append(orders, knownOrders[name]...)
		}
	case "cancelled and overdue":
		ages, orders = []time.Duration{patience, time.Hour}, knownOrders["cancelled"]
	}
	for _, age := range ages {
		for _, o := range orders {
			all = append(all, file{Charge: Charge{ID: "c", Status: event.Created, StripeID: "pi_1", Hold: hold, CreatedAt: made}, order: o, now: made.Add(age)})
		}
	}
	return all
}

func checkMove(t *testing.T, row, column, want string, f file) {
	t.Helper()
	in := &intent{id: "pi_1", status: stripe.PaymentIntentStatus(row)}
	switch row {
	case "not made":
		in, f.StripeID = nil, ""
	case "not asked":
		in = nil
	}
	got, why := f.next(in)
	name := fmt.Sprintf("%s, %s, %s, held first: %t, %s old", row, column, f.order.Status, f.Hold, f.now.Sub(f.CreatedAt))
	if moveNames[got] != want {
		t.Errorf("%s: %s, want %s", name, moveNames[got], want)
	}
	if ends := got == drop || got == release; ends != (why != "") {
		t.Errorf("%s: %s because of %q", name, moveNames[got], why)
	}
	if why != "" && f.order.Status == event.Cancelled && row != "requires_payment_method" && why != codeCancelled {
		t.Errorf("%s: because of %q, though the order is cancelled", name, why)
	}
	if in != nil { // what the bank said is what the buyer reads
		in.failure = "expired_card"
		if again, why := f.next(in); again != got || (row == "canceled" || row == "requires_payment_method") != (why == "expired_card") {
			t.Errorf("%s after a refusal: %s because of %q", name, moveNames[again], why)
		}
	}
}
