package stripesim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// account is somebody who is paid through ours. Their identity is nobody's business here: the onboarding page has one
// button, and whoever presses it can be paid.
type account struct {
	id        string
	createdAt time.Time
	onboarded bool
	deleted   bool
	details   accountDetails
}

// accountDetails are what no decision needs in SQL.
type accountDetails struct {
	Payer, Liable, Collector, Dashboard string // the controller's four properties
	Country, Email, Currency            string
	BusinessType                        string            `json:",omitempty"`
	Business                            map[string]string `json:",omitempty"`
	Capabilities                        []string
	Interval                            string // of payouts
	Metadata                            map[string]string
}

// accountTypes are the old names for combinations of a controller's properties: who pays Stripe's fees, who bears losses,
// who collects requirements, and which dashboard there is.
var accountTypes = map[string][4]string{
	"standard": {"account", "stripe", "stripe", "full"},
	"express":  {"application", "application", "stripe", "express"},
	"custom":   {"application", "application", "application", "none"},
}

// canAsk are the capabilities that an account may ask for.
var canAsk = []string{"card_payments", "legacy_payments", "link_payments", "transfers", "us_bank_account_ach_payments"}

const accountColumns = `id, created_at, onboarded, deleted, details`

func scanAccount(scan store.Scan) (*account, error) {
	var a account
	var at int64
	var text string
	if err := scan(&a.id, &at, &a.onboarded, &a.deleted, &text); err != nil {
		return nil, err
	}
	a.createdAt = store.Time(at)
	return &a, json.Unmarshal([]byte(text), &a.details)
}

// findAccount is the account with the id, if it has not been deleted.
func findAccount(tx *store.Tx, id string) (*account, bool, error) {
	return store.One(tx, scanAccount, `SELECT `+accountColumns+` FROM accounts WHERE id = $1 AND NOT deleted`, id)
}

// lockAccount is findAccount for changing it: nobody else does until the commit.
func lockAccount(tx *store.Tx, id string) (*account, bool, error) {
	return store.One(tx, scanAccount, `UPDATE accounts SET deleted = deleted WHERE id = $1 AND NOT deleted RETURNING `+accountColumns, id)
}

// pathAccount is the account that the path names, as find finds it.
func (c *call) pathAccount(find func(*store.Tx, string) (*account, bool, error)) (*account, error) {
	a, ok, err := find(c.tx, c.id)
	if err == nil && !ok {
		e := invalid("", "account_invalid", "The provided key does not have access to account '%s' (or that account does not "+
			"exist). Application access may have been revoked.", c.id)
		e.status = http.StatusForbidden
		err = e
	}
	return a, err
}

// saveAccount stores an account, new or not.
func saveAccount(tx *store.Tx, a *account) error {
	text, err := json.Marshal(a.details)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO accounts (`+accountColumns+`) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET onboarded = excluded.onboarded, deleted = excluded.deleted, details = excluded.details`,
		a.id, store.Millis(a.createdAt), a.onboarded, a.deleted, string(text))
	return err
}

func createAccount(c *call) (object, error) {
	f, a := c.form, &account{id: newID(c.tx, "acct_1"), createdAt: c.tx.Now()}
	d := &a.details
	kind := f.choice("type", "", "standard", "express", "custom")
	own := f.sent("controller")
	if kind != "" && own {
		f.fail(invalid("", "parameters_exclusive", "You may only specify one of these parameters: type, controller."))
	}
	usual := accountTypes[or(kind, "standard")]
	d.Payer = or(f.choice("controller[fees][payer]", "", "account", "application"), usual[0])
	d.Liable = or(f.choice("controller[losses][payments]", "", "application", "stripe"), usual[1])
	d.Collector = or(f.choice("controller[requirement_collection]", "", "application", "stripe"), usual[2])
	d.Dashboard = or(f.choice("controller[stripe_dashboard][type]", "", "express", "full", "none"), usual[3])
	if kind == "express" || kind == "custom" {
		d.Payer += "_" + kind
	}
	d.Country = strings.ToUpper(or(f.text("country", 2), "US"))
	d.Currency, d.Interval = currencyOf(d.Country), "daily"
	if kind == "express" && !f.sent("capabilities") {
		d.Capabilities = []string{"card_payments", "transfers"}
	}
	d.read(c)
	if err := f.checked(); err != nil {
		return nil, err
	}
	return a.render(), saveAccount(c.tx, a)
}

// currencyOf is the usual currency of a country, as far as accounts come from there.
func currencyOf(country string) string {
	if strings.Contains("AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK", country) {
		return "eur"
	}
	return or(map[string]string{"AU": "aud", "BR": "brl", "CA": "cad", "CH": "chf", "CZ": "czk", "DK": "dkk", "GB": "gbp",
		"HK": "hkd", "HU": "huf", "IN": "inr", "JP": "jpy", "LI": "chf", "MX": "mxn", "NO": "nok", "NZ": "nzd", "PL": "pln",
		"RO": "ron", "SE": "sek", "SG": "sgd", "TH": "thb"}[country], "usd")
}

// businessFields are what is known of a business, with the most characters that each may have.
var businessFields = map[string]int{"mcc": 4, "name": 0, "product_description": 40_000, "support_email": 0, "support_phone": 0,
	"support_url": 0, "url": 0}

// read takes over what may be given at any time.
func (d *accountDetails) read(c *call) {
	f := c.form
	if f.has("email") {
		d.Email = f.text("email", 0)
	}
	if v := f.choice("business_type", "", "company", "government_entity", "individual", "non_profit"); v != "" {
		d.BusinessType = v
	}
	if f.has("default_currency") {
		d.Currency = strings.ToLower(f.text("default_currency", 3))
	}
	for name, most := range businessFields {
		if v := f.text("business_profile["+name+"]", most); v != "" {
			if d.Business == nil {
				d.Business = map[string]string{}
			}
			d.Business[name] = v
		}
	}
	for _, name := range canAsk {
		if param := "capabilities[" + name + "][requested]"; f.has(param) {
			d.Capabilities = slices.DeleteFunc(d.Capabilities, func(old string) bool { return old == name })
			if f.flag(param) {
				d.Capabilities = append(d.Capabilities, name)
			}
		}
	}
	d.Interval = or(f.choice("settings[payouts][schedule][interval]", "", "daily", "manual", "monthly", "weekly"), d.Interval)
	d.Metadata = f.changedMetadata(d.Metadata)
}

func updateAccount(c *call) (object, error) {
	a, err := c.pathAccount(lockAccount)
	if err != nil {
		return nil, err
	}
	was := a.render()
	a.details.read(c)
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	if err := saveAccount(c.tx, a); err != nil {
		return nil, err
	}
	return a.render(), c.emitUpdate("account.updated", was, a.render())
}

func retrieveAccount(c *call) (object, error) {
	a, err := c.pathAccount(findAccount)
	if err != nil {
		return nil, err
	}
	return a.render(), nil
}

func listAccounts(c *call) (object, error) {
	q := newListing("accounts", "/v1/accounts", "account")
	q.where("deleted = ", false)
	return list(c, q, accountColumns, scanAccount, (*account).render)
}

// deleteAccount is possible at any time with a test key. What was transferred there stays in the ledger.
func deleteAccount(c *call) (object, error) {
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	a, err := c.pathAccount(lockAccount)
	if err != nil {
		return nil, err
	}
	a.deleted = true
	return object{"id": a.id, "object": "account", "deleted": true}, saveAccount(c.tx, a)
}

// onboard is what the owner's pressing the button does.
func (c *call) onboard(a *account) error {
	was := a.render()
	a.onboarded = true
	if err := saveAccount(c.tx, a); err != nil {
		return err
	}
	return c.emitUpdate("account.updated", was, a.render())
}

// can says whether a capability is active.
func (a *account) can(capability string) bool {
	return a.onboarded && slices.Contains(a.details.Capabilities, capability)
}
