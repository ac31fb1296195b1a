package pages

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"ticketing/test/browser"
)

// TestLive: pages that are open follow the market, also after their connection was lost for a while. How long it takes from
// the change in the database until it is on the screen is logged.
func TestLive(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	ticket := seller.Lists("Faber", "10")
	p := browser.Open(t, m.Front.URL, browser.Options{})
	p.Visit("/tickets/" + ticket.ID)
	p.Sees("$10.00")
	list := p.Tab()
	list.Visit("/")
	list.Sees("$10.00")
	// The card of the list is changed in place, so what it took is what the event took.
	list.Value(`(() => { window.seen = {}
		new MutationObserver(() => { const price = document.querySelector('.price').textContent; window.seen[price] ??= Date.now() })
			.observe(document.querySelector('main'), {subtree: true, childList: true, characterData: true}) })()`)
	var took []time.Duration
	for price := 11; price < 31; price++ {
		edited := seller.Edit(ticket.ID, ticket.Title, strconv.Itoa(price)).Want(200)
		shown := fmt.Sprintf("$%d.00", price)
		list.Until(`window.seen['` + shown + `']`)
		millis, err := strconv.ParseInt(list.Value(`window.seen['`+shown+`']`), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.UnixMilli(millis).Sub(updatedAt(edited)))
	}
	slices.Sort(took)
	t.Logf("from the change to the screen: median %v, at most %v", took[len(took)/2], took[len(took)-1])
	p.Sees("$30.00")

	order := buyer.Orders(ticket)
	p.In(".status").Sees("Locked")
	list.In(".status").Sees("Locked")
	for _, page := range []*browser.Page{p, list} {
		page.Expects("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "503 for ")
	}
	m.Front.Restart()
	buyer.Cancel(order.ID).Want(204)
	p.In(".status").Sees("Available")
	list.In(".status").Sees("Available")
	seller.Edit(ticket.ID, ticket.Title, "99").Want(200)
	p.Sees("$99.00")
	list.Sees("$99.00")
}

// held has the page wait with what it fetches until window.release is called, and keep the version that it was told of last.
const held = `(() => {
	const really = window.fetch
	window.fetch = async (...request) => {
		const answer = await really(...request)
		await new Promise((go) => { window.release = () => { window.fetch = really; go() } })
		return answer
	}
	document.addEventListener('live:ticket', ({ detail }) => { window.told = detail.version })
	return true })()`

// TestChangeWhileFetching changes a ticket once more while the page still waits for what the first change made of it.
func TestChangeWhileFetching(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	ticket := seller.Lists("Faber", "10")
	p := browser.Open(t, m.Front.URL, browser.Options{})
	p.Visit("/tickets/" + ticket.ID)
	list := p.Tab()
	list.Visit("/")
	for _, page := range []*browser.Page{p, list} {
		page.Sees("$10.00")
		page.Until(held)
	}
	seller.Edit(ticket.ID, ticket.Title, "11").Want(200)
	p.Until(`window.release`)
	list.Until(`window.release`)
	ticket.Price = "11"
	buyer.Orders(ticket)
	for _, page := range []*browser.Page{p, list} {
		page.Until(`window.told === 3`)
		page.Until(`(window.release(), true)`)
	}
	p.In(".status").Sees("Locked")
	list.Until(`document.querySelector('.stub').dataset.version === '3'`)
	list.In(".status").Sees("Locked")
}
