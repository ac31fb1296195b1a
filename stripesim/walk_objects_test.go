package stripesim_test

// objects walks through what payments are made of and what comes of them later.
func (w *walker) objects() {
	w.methods()
	w.debits()
	w.lateRefunds()
	w.disputes()
	w.accounts()
	w.transfers()
	w.do(200, "GET", "/v1/balance")
}

// enteredCard are the parameters of a card, inside another one or not.
func enteredCard(number string) []string {
	return []string{"type", "card", "card[number]", number, "card[exp_month]", "12", "card[exp_year]", "2034", "card[cvc]", "123",
		"billing_details[name]", "Ann", "billing_details[email]", "ann@example.com", "billing_details[phone]", "+43 1",
		"billing_details[address][line1]", "Ring 1", "billing_details[address][line2]", "Top 2", "billing_details[address][city]", "Vienna",
		"billing_details[address][postal_code]", "1010", "billing_details[address][state]", "W", "billing_details[address][country]", "AT",
		"metadata[a]", "b", "allow_redisplay", "limited"}
}

func (w *walker) methods() {
	made := w.do(200, "POST", "/v1/payment_methods", enteredCard("4242424242424242")...)
	w.do(200, "GET", "/v1/payment_methods/"+made["id"].(string))
	w.do(402, "POST", "/v1/payment_methods", enteredCard("4242424242424241")...)
	w.do(200, "POST", "/v1/payment_methods", "type", "card", "card[token]", "tok_visa")
	paid := w.intentWith(200, "payment_method", made["id"].(string), "confirm", "true", "expand[]", "payment_method")
	w.do(200, "GET", "/v1/payment_intents/"+paid, "expand[]", "latest_charge.balance_transaction")
	w.do(400, "POST", "/v1/payment_intents/"+w.intentWith(200)+"/confirm", "payment_method", made["id"].(string))
	for _, card := range []string{"pm_card_amex", "pm_card_avsFail", "pm_card_avsUnchecked", "pm_card_riskLevelElevated", "pm_card_gb_debit"} {
		w.do(200, "GET", "/v1/payment_methods/"+card)
		w.do(200, "GET", "/v1/payment_intents/"+w.intentWith(200, "payment_method", card, "confirm", "true"), "expand[]", "latest_charge")
	}
	blocked := w.intentWith(402, "payment_method", "pm_card_radarBlock", "confirm", "true")
	w.do(200, "GET", "/v1/payment_intents/"+blocked, "expand[]", "latest_charge")
}

// debit is an intent that is processing.
func (w *walker) debit(account string) string {
	w.t.Helper()
	return w.intentWith(200, "payment_method_types[]", "us_bank_account", "payment_method", account, "confirm", "true",
		"mandate_data[customer_acceptance][type]", "offline")
}

func (w *walker) debits() {
	made := w.do(200, "POST", "/v1/payment_methods", "type", "us_bank_account", "us_bank_account[account_number]", "000123456789",
		"us_bank_account[routing_number]", "110000000", "us_bank_account[account_holder_type]", "company",
		"us_bank_account[account_type]", "savings", "billing_details[name]", "Ann")
	for _, account := range []string{made["id"].(string), "pm_usBankAccount_accountClosed"} {
		in := w.debit(account)
		w.do(200, "GET", "/v1/payment_intents/"+in, "expand[]", "latest_charge")
		w.settleNow(in, 1)
		w.do(200, "GET", "/v1/payment_intents/"+in, "expand[]", "latest_charge.balance_transaction")
	}
	w.do(200, "POST", "/v1/payment_intents/"+w.debit("pm_usBankAccount_processing")+"/cancel", "expand[]", "latest_charge")
	w.do(400, "POST", "/v1/payment_intents", "amount", "1999", "currency", "usd", "payment_method_types[]", "us_bank_account",
		"capture_method", "manual")
	held := w.intentWith(200, "payment_method", "pm_card_visa", "capture_method", "manual", "confirm", "true")
	w.settleNow(held, 1)
	w.do(200, "GET", "/v1/payment_intents/"+held, "expand[]", "latest_charge")
}

func (w *walker) settleNow(id string, want int) {
	w.t.Helper()
	if n, err := w.sim.SettleNow(ctx, id); err != nil || n != want {
		w.t.Fatalf("settled %d %v, want %d", n, err, want)
	}
}

func (w *walker) lateRefunds() {
	for _, card := range []string{"pm_card_pendingRefund", "pm_card_refundFail"} {
		paid := w.intentWith(200, "payment_method", card, "confirm", "true")
		re := w.do(200, "POST", "/v1/refunds", "payment_intent", paid)["id"].(string)
		w.settleNow(re, 1)
		w.do(200, "GET", "/v1/refunds/"+re, "expand[]", "balance_transaction", "expand[]", "failure_balance_transaction")
		w.do(200, "POST", "/v1/refunds/"+re, "metadata[why]", "late")
		w.do(400, "POST", "/v1/refunds/"+re+"/cancel")
	}
	paid := w.intentWith(200, "payment_method", "pm_card_visa", "confirm", "true")
	re := w.do(200, "POST", "/v1/refunds", "payment_intent", paid)["id"].(string)
	w.check(w.sim.CancelRefund(ctx, re))
	w.do(200, "GET", "/v1/refunds/"+re)
}

func (w *walker) disputes() {
	for card, texts := range map[string][]string{
		"pm_card_createDispute":                       {"winning_evidence"},
		"pm_card_createDisputeInquiry":                {"escalate_inquiry_evidence", "losing_evidence"},
		"pm_card_createCe3EligibleDispute":            {"losing_evidence"},
		"pm_card_createComplianceDispute":             {"nothing"},
		"pm_card_createMastercardComplianceDispute":   {},
		"pm_card_createDisputeProductNotReceived":     {},
		"pm_card_createRapidDisputeResolutionDispute": {},
	} {
		paid := w.intentWith(200, "payment_method", card, "confirm", "true")
		w.settleNow(paid, 1)
		found := w.do(200, "GET", "/v1/disputes", "payment_intent", paid)["data"].([]any)[0].(map[string]any)
		path, charge := "/v1/disputes/"+found["id"].(string), found["charge"].(string)
		w.do(200, "GET", "/v1/disputes", "charge", charge)
		w.do(200, "GET", "/v1/charges/"+charge)
		for _, text := range texts {
			w.do(200, "POST", path, "evidence[uncategorized_text]", text, "submit", "true", "metadata[a]", "b")
			_, err := w.sim.SettleNow(ctx, found["id"].(string))
			w.check(err)
		}
		if len(texts) == 0 {
			w.do(200, "POST", path, "evidence[customer_name]", "Ann", "submit", "false")
			w.do(200, "POST", path+"/close")
			w.do(400, "POST", path+"/close")
		}
		w.do(200, "GET", path, "expand[]", "charge", "expand[]", "payment_intent")
	}
	asked := w.intentWith(200, "payment_method", "pm_card_createDisputeInquiry", "confirm", "true")
	w.settleNow(asked, 1)
	found := w.do(200, "GET", "/v1/disputes", "payment_intent", asked)["data"].([]any)[0].(map[string]any)
	w.do(200, "POST", "/v1/disputes/"+found["id"].(string), "evidence[uncategorized_text]", "winning_evidence")
	w.settleNow(found["id"].(string), 1)
	w.do(200, "GET", "/v1/balance_transactions", "currency", "usd", "source", found["charge"].(string))
	quick := w.intentWith(200, "payment_method", "pm_card_bypassPending", "confirm", "true")
	w.do(200, "GET", "/v1/payment_intents/"+quick, "expand[]", "latest_charge.balance_transaction")
}

// allEvents looks at every event there is.
func (w *walker) allEvents() {
	last := []string{}
	for more := true; more; {
		page := w.do(200, "GET", "/v1/events", append([]string{"limit", "100"}, last...)...)
		rows := page["data"].([]any)
		more = page["has_more"].(bool)
		last = []string{"starting_after", rows[len(rows)-1].(map[string]any)["id"].(string)}
	}
}
