package pages

import (
	"fmt"
	"testing"
	"time"

	"ticketing/test/browser"
)

// TestMotion: what changes on the market moves for those who like that, and for nobody else.
func TestMotion(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller := m.SignUp("sally")
	ticket := seller.Lists("Moving", "10")
	still, moving := browser.Open(t, m.Front.URL, browser.Options{}), browser.Open(t, m.Front.URL, browser.Options{Motion: true})
	for _, p := range []*browser.Page{still, moving} {
		p.Visit("/")
		p.Value(`window.moved = 0, document.addEventListener('animationstart', () => window.moved++), 0`)
		p.Until(`performance.getEntriesByType("resource").some(r => r.name.includes("live."))`)
	}
	seller.Edit(ticket.ID, ticket.Title, "11").Want(200)
	moving.Sees("$11.00")
	still.Sees("$11.00")
	moving.Until(`window.moved > 0`)
	if moved := still.Value(`window.moved`); moved != "0" {
		t.Errorf("%s things have moved for somebody who does not want that", moved)
	}
	const long = `[...document.querySelectorAll('*')].filter(e => [null, '::before', '::after'].some(part => {
		const s = getComputedStyle(e, part), longest = (list) => Math.max(...list.split(',').map(parseFloat))
		return longest(s.transitionDuration) > 0.01 || s.animationName !== 'none' && longest(s.animationDuration) > 0.01
	})).map(e => e.outerHTML.slice(0, 80)).join()`
	if all := still.Value(long); all != "" {
		t.Errorf("these would move: %s", all)
	}
}

// TestCountdownIsToldSeldom: a screen reader hears of the time at five minutes, at one, and at the end, not in between.
func TestCountdownIsToldSeldom(t *testing.T) {
	t.Parallel()
	s := openStage(t)
	s.waits(`[]`)
	p := s.browser(browser.Options{})
	p.Visit("/orders/" + stagedOrder)
	p.Shows("[data-countdown]")
	p.Value(`window.told = [], new MutationObserver((all) => all.forEach(({target}) => target.matches('[data-said]') && window.told.push(target.textContent)))
		.observe(document.querySelector('main'), {childList: true, subtree: true}), 0`)
	const five, last = "5 minutes left to pay.", "One minute left to pay."
	// The page's own clock, which follows the server's, is set as the server would.
	const clock = `import(performance.getEntriesByType('resource').find(r => r.name.includes('/clock.')).name)`
	for _, c := range []struct {
		left  time.Duration
		shows string
		told  string
	}{
		{800 * time.Second, "^13:", ""},
		{310 * time.Second, "^5:", ""},
		{299 * time.Second, "^4:5", five},
		{200 * time.Second, "^3:", five},
		{90 * time.Second, "^1:", five},
		{59 * time.Second, "^0:5", five + "|" + last},
		{30 * time.Second, "^0:(30|[12])", five + "|" + last},
	} {
		p.Until(fmt.Sprintf(`%s.then((clock) => clock.setNow(Number(document.querySelector('[data-countdown]').dataset.expires) - %d)), true`, clock, c.left.Milliseconds()-500))
		p.Until(fmt.Sprintf(`/%s/.test(document.querySelector('[data-digits]').textContent)`, c.shows))
		if told := p.Value(`window.told.join('|')`); told != c.told {
			t.Errorf("with %v left %q has been told", c.left, told)
		}
	}
	// The order ends for the page first: this one has no events, so it may ask how the order is at any moment.
	p.Until(clock + `.then((clock) => clock.setNow(Number(document.querySelector('[data-countdown]').dataset.expires) + 1)), true`)
	p.Until(`window.told.join('|').startsWith('` + five + "|" + last + `|Your time to pay is over.')`)
	s.order("AwaitingPayment", `,"expiresIn":0`, `"status":"locked","orderId":"`+stagedOrder+`"`, `[]`)
	p.Sees("The time to pay is over")
}
