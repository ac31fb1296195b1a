package pages

import (
	"testing"

	"ticketing/test/browser"
)

// stripeAddress is where pages have Stripe's script from; stripeScript stands in for it. Its bank asks in a dialog, and cannot
// be reached while the tab remembers that it is offline.
const (
	stripeAddress = "https://js.stripe.com/v3/"
	stripeScript  = `window.Stripe = () => ({
	elements: () => ({
		create: () => ({on: (name, then) => { if (name === 'ready') setTimeout(then) }, mount: (where) => where.append('The card goes here')}),
		submit: async () => ({}),
	}),
	createPaymentMethod: async () => ({paymentMethod: {id: 'pm_1'}}),
	handleNextAction: ({clientSecret}) => new Promise((resolve, reject) => {
		if (sessionStorage.getItem('offline')) return reject(new Error('offline'))
		const bank = document.createElement('dialog'), yes = document.createElement('button')
		yes.textContent = 'Approve ' + clientSecret
		yes.onclick = () => { bank.remove(); resolve({}) }
		bank.append(yes)
		document.body.append(bank)
		bank.showModal()
	}),
})`
)

// TestBankStepAfterReload: with real cards, the bank's step goes on in a page that is loaded again, and in no other tab. It is
// forgotten when the payment is decided.
func TestBankStepAfterReload(t *testing.T) {
	t.Parallel()
	s := openStage(t)
	s.says("GET /api/payments/config", 200, `{"publishableKey":"pk_test_1","simulator":false}`)
	s.waits(`[]`)
	s.does("POST /api/payments", staged{202, one(charge("Created", `,"clientSecret":"secret_1"`)), func() { s.waits(charge("Created", "")) }})
	p := s.browser(browser.Options{Elsewhere: map[string]string{stripeAddress: stripeScript}})
	p.Visit("/orders/" + stagedOrder)
	p.Sees("The card goes here")
	p.Press("Pay $49.90")
	p.Sees("Approve secret_1")
	p.Value(`sessionStorage.setItem('offline', 'yes')`)
	p.Reload()
	p.Sees("That did not get through.")
	inspect(p, "order, the bank's step is lost")
	p.Value(`sessionStorage.removeItem('offline')`)
	p.Press("Go to your bank")
	p.Sees("Approve secret_1")

	other := p.Tab()
	other.Visit("/orders/" + stagedOrder)
	other.Sees("in the window in which you have paid")
	if loaded := other.Value(`typeof Stripe`); loaded != "undefined" {
		t.Error("a tab that has nothing to do with the payment loads Stripe's script")
	}

	p.Reload()
	p.Sees("Approve secret_1")
	p.Press("Approve secret_1")
	p.Until(`sessionStorage.length === 0`)
	s.order("Completed", "", `"status":"sold"`, charge("Completed", ""))
	p.Sees("The ticket is yours")
	other.Sees("The ticket is yours")

	s.waits(charge("Created", ""))
	p.Value(`sessionStorage.setItem('bank:` + stagedOrder + `', 'c1 secret_2')`)
	p.Reload()
	p.Sees("Approve secret_2")
	s.order("Cancelled", `,"cancelReason":"expired"`, `"status":"available"`, charge("Failed", `,"failureCode":"timeout"`))
	p.Until(`sessionStorage.length === 0`)
	p.Until(`document.getElementById('order').dataset.state === 'cancelled'`)
}
