package pages

import (
	"testing"

	"ticketing/test/browser"
)

// TestStory is one ticket's way from its seller to a buyer, each in a browser of their own, while somebody else looks on.
// Nobody loads a page again to see what the others do.
func TestStory(t *testing.T) {
	t.Parallel()
	m := open(t)
	sally, bert := m.SignUp("sally"), m.SignUp("bert")
	seller := signedIn(t, m, sally, browser.Options{Width: 1440})
	buyer := signedIn(t, m, bert, browser.Options{Width: 390, Height: 844})
	onlooker := browser.Open(t, m.Front.URL, browser.Options{Dark: true})
	sales := seller.Tab()

	onlooker.Visit("/")
	onlooker.Sees("Nothing is on sale right now.")
	buyer.Visit("/")
	seller.Visit("/sell")
	inspect(seller, "sell")
	seller.Fill("Title", "Tom Waits")
	seller.Fill("Price", "95")
	seller.Fill("Venue", "Tempodrom, Berlin")
	seller.Go("Put it on the market")
	seller.Sees("Your ticket is on the market.")
	inspect(seller, "own ticket")
	sales.Visit("/selling")
	sales.Sees("Tom Waits")

	buyer.Press("1 new ticket: show")
	buyer.Sees("Tom Waits")
	onlooker.Press("1 new ticket: show")
	onlooker.Go("Tom Waits")
	onlooker.In(".status").Sees("Available")
	buyer.Go("Tom Waits")
	buyer.Sees("$95.00")
	seller.Go("Edit")
	seller.Fill("Price", "89.5")
	seller.Go("Save the changes")
	buyer.Sees("$89.50")
	onlooker.Sees("$89.50")

	buyer.Go("Order this ticket")
	buyer.Sees("The ticket is locked for you")
	buyer.Shows("[data-countdown]")
	onlooker.In(".status").Sees("Locked")
	onlooker.Sees("Somebody else is paying for this ticket.")
	seller.In(".status").Sees("Locked")
	seller.SeesNo("Withdraw")
	sales.In(".status").Sees("Locked")
	inspect(buyer, "checkout")
	inspect(onlooker, "ticket, locked")
	inspect(sales, "selling, locked")

	buyer.Press("Cancel this order")
	inspect(buyer, "checkout, about to cancel")
	buyer.Go("Yes, cancel the order")
	buyer.Sees("You have cancelled it")
	buyer.Sees("Nothing was charged.")
	onlooker.In(".status").Sees("Available")
	onlooker.Sees("Order this ticket")
	inspect(buyer, "order, cancelled")

	buyer.Go("Order for $89.50")
	buyer.Sees("The ticket is locked for you")
	buyer.Fill("Card number", "4242 4242 4242 4242")
	buyer.Fill("Expires", "12/34")
	buyer.Fill("Security code", "123")
	buyer.Go("Pay $89.50")
	buyer.Sees("The ticket is yours")
	onlooker.In(".status").Sees("Sold")
	onlooker.Sees("Somebody else has bought this ticket.")
	sales.In(".status").Sees("Sold")
	inspect(buyer, "order, paid")
	inspect(onlooker, "ticket, sold")

	buyer.Go("My orders")
	buyer.Sees("Paid")
	inspect(buyer, "orders")
	sales.Go("Sold")
	sales.Sees("Tom Waits")
	inspect(sales, "selling, sold")
	m.Settles()
	m.Audits()
}
