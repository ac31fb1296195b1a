package stripesim_test

func (w *walker) accounts() {
	for _, parameters := range [][]string{
		{"type", "express", "country", "AT", "email", "ann@example.com", "capabilities[transfers][requested]", "true", "metadata[a]", "b"},
		{"type", "custom", "capabilities[card_payments][requested]", "true", "capabilities[legacy_payments][requested]", "false",
			"capabilities[link_payments][requested]", "true", "capabilities[us_bank_account_ach_payments][requested]", "true"},
		{"controller[fees][payer]", "application", "controller[losses][payments]", "application",
			"controller[requirement_collection]", "application", "controller[stripe_dashboard][type]", "none", "business_type", "individual"},
		{},
	} {
		made := w.do(200, "POST", "/v1/accounts", parameters...)
		path := "/v1/accounts/" + made["id"].(string)
		for _, interval := range []string{"weekly", "monthly", "manual"} {
			w.do(200, "POST", path, "settings[payouts][schedule][interval]", interval, "default_currency", "eur", "email", "new@example.com",
				"business_profile[name]", "Ann", "business_profile[mcc]", "7922", "business_profile[url]", "https://ann.example.com",
				"business_profile[product_description]", "Tickets", "business_profile[support_email]", "ann@example.com",
				"business_profile[support_phone]", "+43 1", "business_profile[support_url]", "https://ann.example.com/help",
				"capabilities[transfers][requested]", "true", "metadata[a]", "")
		}
		w.do(200, "POST", "/v1/account_links", "account", made["id"].(string), "type", "account_onboarding",
			"return_url", "https://shop.test/back", "refresh_url", "https://shop.test/again", "collect", "eventually_due",
			"collection_options[fields]", "currently_due", "collection_options[future_requirements]", "omit")
		w.check(w.sim.Onboard(ctx, made["id"].(string)))
		w.do(200, "GET", path)
	}
	w.do(400, "POST", "/v1/accounts", "type", "unknown")
	w.do(400, "POST", "/v1/account_links", "account", "acct_1", "type", "account_onboarding", "return_url", "x", "refresh_url", "y")
	gone := w.do(200, "POST", "/v1/accounts", "type", "express")
	w.do(200, "DELETE", "/v1/accounts/"+gone["id"].(string))
	w.do(403, "GET", "/v1/accounts/"+gone["id"].(string))
}

func (w *walker) transfers() {
	to := w.do(200, "POST", "/v1/accounts", "type", "express")["id"].(string)
	w.do(400, "POST", "/v1/transfers", "amount", "1", "currency", "usd", "destination", to)
	w.check(w.sim.Onboard(ctx, to))
	paid := w.intentWith(200, "payment_method", "pm_card_bypassPending", "confirm", "true", "transfer_group", "order-9")
	charge := w.do(200, "GET", "/v1/payment_intents/"+paid)["latest_charge"].(string)
	w.do(400, "POST", "/v1/transfers", "amount", "999999", "currency", "usd", "destination", to)
	plain := w.do(200, "POST", "/v1/transfers", "amount", "100", "currency", "usd", "destination", to, "transfer_group", "order-1",
		"description", "A ticket", "metadata[a]", "b", "source_type", "card", "expand[]", "destination")["id"].(string)
	sourced := w.do(200, "POST", "/v1/transfers", "currency", "usd", "destination", to, "source_transaction", charge, "amount", "1000",
		"expand[]", "balance_transaction", "expand[]", "source_transaction")["id"].(string)
	w.do(400, "POST", "/v1/transfers", "currency", "usd", "destination", to, "source_transaction", charge, "amount", "1000")
	for _, id := range []string{plain, sourced} {
		path := "/v1/transfers/" + id
		w.do(200, "POST", path, "description", "Two tickets", "metadata[a]", "c")
		w.do(200, "POST", path+"/reversals", "amount", "40", "metadata[why]", "cancelled", "description", "Cancelled",
			"refund_application_fee", "false", "expand[]", "transfer", "expand[]", "balance_transaction.source")
		w.do(200, "POST", path+"/reversals")
		w.do(400, "POST", path+"/reversals")
		w.do(200, "GET", path, "expand[]", "destination", "expand[]", "balance_transaction")
		all := w.do(200, "GET", path+"/reversals", "limit", "1", "expand[]", "data.balance_transaction")["data"].([]any)
		w.do(200, "GET", path+"/reversals", "starting_after", all[0].(map[string]any)["id"].(string))
	}
	w.do(200, "GET", "/v1/transfers", "destination", to, "transfer_group", "order-1")
	w.do(200, "GET", "/v1/balance_transactions", "source", plain)
}
