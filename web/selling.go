package web

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
)

// sellingTabs are the parts of what somebody sells; the first is shown unless they choose.
var sellingTabs = []string{api.All, api.Available, api.Locked, api.Sold}

// sellingPage is what somebody sells, and what they have earned by it.
type sellingPage struct {
	*View
	Balance *api.Balance // nil when nobody can say right now
	Payouts *payouts     // nil when the market pays nobody out, or nobody can say right now
	Tab     string
	Tabs    []string
	Cards   []ticketCard
	Sales   []api.Sale // on the tab of what is sold, instead of cards
	Next    string     // address of the next page; empty: this is the last
	First   string     // address of the first page; empty: this is it
}

// Address is that of a tab.
func (p sellingPage) Address(tab string) string { return sellingAddress(tab, "") }

func sellingAddress(tab, cursor string) string {
	query := url.Values{}
	if tab != sellingTabs[0] {
		query.Set("show", tab)
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if len(query) == 0 {
		return "/selling"
	}
	return "/selling?" + query.Encode()
}

// selling is GET /selling.
func (s *Site) selling(v *visit) error {
	user, err := v.mustBeSignedIn()
	if err != nil {
		return err
	}
	query := v.r.URL.Query()
	page := sellingPage{View: v.titled("selling.title"), Tab: query.Get("show"), Tabs: sellingTabs}
	if !slices.Contains(sellingTabs, page.Tab) {
		page.Tab = sellingTabs[0]
	}
	if query.Get("done") == "withdrawn" {
		v.Notice = v.T("withdraw.done")
	}
	cursor := query.Get("cursor")
	if cursor != "" {
		page.First = page.Address(page.Tab)
	}
	var next string
	if page.Tab == api.Sold {
		next, err = v.sales(&page, cursor)
	} else {
		v.listen(topicSelling)
		next, err = v.ownTickets(&page, user.ID, cursor)
	}
	if err != nil {
		return err
	}
	if next != "" {
		page.Next = sellingAddress(page.Tab, next)
	}
	v.earned(&page)
	return v.show(http.StatusOK, "selling", page)
}

// earned fills in what the visitor has earned and how they are paid. The rest of the page does without.
func (v *visit) earned(page *sellingPage) {
	client := v.client.Patient(time.Second)
	balance, err := client.Balance(v.Context())
	if err != nil {
		v.site.log.WarnContext(v.Context(), "a seller could not be told what they have earned", "error", err)
		return
	}
	page.Balance = &balance
	account, err := client.PayoutAccount(v.Context())
	switch {
	case err == nil && account.PayoutsEnabled:
		page.Payouts = &payouts{State: "ready"}
	case err == nil:
		page.Payouts = &payouts{State: "unfinished", Key: rand.Text()}
	case api.Is(err, fault.Unknown):
		page.Payouts = &payouts{State: "none", Key: rand.Text()}
	case !api.Is(err, fault.PayoutsOff):
		v.site.log.WarnContext(v.Context(), "a seller could not be told how they are paid", "error", err)
	}
}

// payouts is how a seller gets their money: by an account of theirs that is ready, unfinished, or not there at all.
type payouts struct {
	State string // the last part of the keys of its texts
	Key   string // of the form that opens the account
}

// payoutPage leads to where a seller tells Stripe who they are.
type payoutPage struct {
	*View
	Account api.PayoutAccount
}

// openPayouts is POST /selling/account. The address that it gets is good for one visit, and at another site, where a form
// of this site must not lead; so it is shown as a link.
func (s *Site) openPayouts(v *visit) error {
	if _, err := v.mustBeSignedIn(); err != nil {
		return err
	}
	account, err := v.client.OpenPayoutAccount(v.once(), v.Base+"/selling", "")
	if err != nil {
		return err
	}
	if account.OnboardingURL == "" {
		return v.goTo("/selling")
	}
	return v.show(http.StatusOK, "payout", payoutPage{v.titled("payout.title"), account})
}

// ownTickets are the visitor's tickets, those of the tab.
func (v *visit) ownTickets(page *sellingPage, seller, cursor string) (next string, err error) {
	found, err := v.client.Tickets(v.Context(), api.TicketQuery{Seller: seller, Status: page.Tab, Cursor: cursor})
	for _, t := range found.Items {
		page.Cards = append(page.Cards, ticketCard{v.View, t})
	}
	return found.Next, err
}

// sales are what the visitor has sold.
func (v *visit) sales(page *sellingPage, cursor string) (next string, err error) {
	found, err := v.client.Sales(v.Context(), api.SaleQuery{Cursor: cursor})
	page.Sales = found.Items
	return found.Next, err
}

// sellingFragment is GET /fragments/selling/{id}: the card of a ticket, for its seller.
func (s *Site) sellingFragment(v *visit) error {
	t, err := v.ownTicket()
	if err != nil {
		return err
	}
	return v.fragment("selling-card", ticketCard{v.View, t})
}
