package web

// route is one address of the site and what answers there. With a nav it is linked in the header of every page, in the
// order of the list; what only makes sense for somebody is linked for those who are signed in.
type route struct {
	pattern  string
	do       action
	nav      string // key of the link's text; empty: no link
	signedIn bool   // the link is for those who are signed in
}

// navEntry is a link of the header.
type navEntry struct {
	path, label string
	signedIn    bool
}

// routes are the pages and forms of the site: the whole list, and the place to add one.
func (s *Site) routes() []route {
	return []route{
		// The market and its tickets.
		{pattern: "GET /{$}", do: s.market, nav: "nav.market"},
		{pattern: "GET /tickets/{id}", do: s.ticket},

		// Selling.
		{pattern: "GET /sell", do: s.showSell, nav: "nav.sell"},
		{pattern: "POST /sell", do: s.sell},
		{pattern: "GET /selling", do: s.selling, nav: "nav.selling", signedIn: true},
		{pattern: "POST /selling/account", do: s.openPayouts},
		{pattern: "GET /tickets/{id}/edit", do: s.showEdit},
		{pattern: "POST /tickets/{id}/edit", do: s.edit},
		{pattern: "GET /tickets/{id}/withdraw", do: s.showWithdraw},
		{pattern: "POST /tickets/{id}/withdraw", do: s.withdraw},

		// Orders and checkout.
		{pattern: "POST /tickets/{id}/order", do: s.placeOrder},
		{pattern: "GET /orders", do: s.orders, nav: "nav.orders", signedIn: true},
		{pattern: "GET /orders/{id}", do: s.order},
		{pattern: "POST /orders/{id}/pay", do: s.pay},
		{pattern: "POST /orders/{id}/cancel", do: s.cancelOrder},
		{pattern: "GET /orders/{id}/bank", do: s.bank},
		{pattern: "GET /fragments/orders", do: s.ordersFragment},
		{pattern: "GET /fragments/orders/{id}", do: s.orderFragment},
		{pattern: "GET /payments/return", do: s.returned},

		// Accounts.
		{pattern: "GET /signup", do: s.showSignUp},
		{pattern: "POST /signup", do: s.signUp},
		{pattern: "GET /signin", do: s.showSignIn},
		{pattern: "POST /signin", do: s.signIn},
		{pattern: "POST /signout", do: s.signOut},
		{pattern: "GET /account", do: s.showAccount, nav: "nav.account", signedIn: true},
		{pattern: "POST /account/email", do: s.changeEmail},
		{pattern: "POST /account/password", do: s.changePassword},
		{pattern: "POST /language", do: s.chooseLanguage},

		// What happens while a page is open.
		{pattern: "GET /live", do: s.live},
		{pattern: "GET /fragments/market", do: s.marketFragment},
		{pattern: "GET /fragments/tickets/{id}", do: s.ticketFragment},
		{pattern: "GET /fragments/tickets/{id}/offer", do: s.offerFragment},
		{pattern: "GET /fragments/selling/{id}", do: s.sellingFragment},

		// Help and reference.
		{pattern: "GET /help", do: s.help, nav: "nav.help"},
		{pattern: "GET /docs", do: s.showDocs},
		{pattern: "GET /problems/{$}", do: s.problems},
		{pattern: "GET /problems/{code}", do: s.problem},
	}
}
