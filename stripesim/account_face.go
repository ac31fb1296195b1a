package stripesim

// asksFor is what Stripe wants to know of an account's owner before it is onboarded.
var asksFor = []string{"business_profile.mcc", "business_profile.url", "business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip"}

// render is the account as the API shows it.
func (a *account) render() object {
	d := a.details
	capabilities := object{}
	for _, name := range d.Capabilities {
		capabilities[name] = "inactive"
		if a.onboarded {
			capabilities[name] = "active"
		}
	}
	kind := "none"
	for name, is := range accountTypes {
		if is == [4]string{d.Payer, d.Liable, d.Collector, d.Dashboard} || d.Payer == "application_"+name {
			kind = name
		}
	}
	metadata := d.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return object{
		"id": a.id, "object": "account", "created": seconds(a.createdAt), "type": kind, "country": d.Country, "email": orNull(d.Email),
		"default_currency": d.Currency, "business_type": orNull(d.BusinessType), "business_profile": d.business(),
		"capabilities": capabilities, "charges_enabled": a.onboarded, "payouts_enabled": a.onboarded, "details_submitted": a.onboarded,
		"controller": object{"type": "application", "is_controller": true, "fees": object{"payer": d.Payer},
			"losses": object{"payments": d.Liable}, "requirement_collection": d.Collector, "stripe_dashboard": object{"type": d.Dashboard}},
		"external_accounts":   object{"object": "list", "data": []object{}, "has_more": false, "url": "/v1/accounts/" + a.id + "/external_accounts"},
		"future_requirements": requirements(nil), "requirements": a.requirements(), "settings": d.settings(), "metadata": metadata,
		"tos_acceptance": object{"date": nil, "ip": nil, "user_agent": nil},
	}
}

func (a *account) requirements() object {
	if a.onboarded {
		return requirements(nil)
	}
	o := requirements(asksFor)
	o["disabled_reason"] = "requirements.past_due"
	return o
}

func requirements(due []string) object {
	none := []string{}
	if due == nil {
		due = none
	}
	return object{"alternatives": none, "current_deadline": nil, "currently_due": due, "disabled_reason": nil, "errors": none,
		"eventually_due": due, "past_due": due, "pending_verification": none}
}

func (d *accountDetails) business() object {
	o := object{"annual_revenue": nil, "estimated_worker_count": nil, "minority_owned_business_designation": nil, "support_address": nil}
	for name := range businessFields {
		o[name] = orNull(d.Business[name])
	}
	return o
}

func (d *accountDetails) settings() object {
	schedule := object{"delay_days": 2, "interval": d.Interval}
	switch d.Interval {
	case "weekly":
		schedule["weekly_anchor"] = "monday"
	case "monthly":
		schedule["monthly_anchor"] = 1
	}
	return object{
		"bacs_debit_payments": object{"display_name": nil, "service_user_number": nil},
		"branding":            object{"icon": nil, "logo": nil, "primary_color": nil, "secondary_color": nil},
		"card_issuing":        object{"tos_acceptance": object{"date": nil, "ip": nil}},
		"card_payments": object{"decline_on": object{"avs_failure": false, "cvc_failure": false}, "statement_descriptor_prefix": nil,
			"statement_descriptor_prefix_kana": nil, "statement_descriptor_prefix_kanji": nil},
		"dashboard": object{"display_name": orNull(d.Business["name"]), "timezone": "Etc/UTC"},
		"invoices":  object{"default_account_tax_ids": nil, "hosted_payment_method_save": nil},
		"payments":  object{"statement_descriptor": nil, "statement_descriptor_kana": nil, "statement_descriptor_kanji": nil},
		"payouts":   object{"debit_negative_balances": true, "schedule": schedule, "statement_descriptor": nil},

		"sepa_debit_payments": object{},
	}
}
