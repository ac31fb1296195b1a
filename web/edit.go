package web

import (
	"net/http"
	"strconv"

	"ticketing/api"
	"ticketing/kernel/fault"
)

// changePage asks for a change of one's own ticket: what it says, or that it goes.
type changePage struct {
	*View
	Ticket  api.Ticket
	Form    *Form
	Version int64 // of the ticket that the visitor has in mind
	Moved   bool  // it has changed since the form was shown
}

// change is one of the two, by its page and the keys of its texts.
type change struct{ page, title, moved string }

var (
	editing     = change{"edit", "edit.title", "edit.moved"}
	withdrawing = change{"withdraw", "withdraw.title", "withdraw.moved"}
)

// Reason is why the ticket cannot be changed now, as the key of a text; empty if it can.
func (p changePage) Reason() string {
	if p.Ticket.Status == api.Available {
		return ""
	}
	return "change." + p.Ticket.Status
}

// Until is when a lock ends, in the reader's form.
func (p changePage) Until() string { return p.words.Clock(p.Ticket.LockedUntil.In(p.zone)) }

// ownTicket is the ticket of the address, if the visitor sells it.
func (v *visit) ownTicket() (api.Ticket, error) {
	user, err := v.mustBeSignedIn()
	if err != nil {
		return api.Ticket{}, err
	}
	t, err := v.client.Ticket(v.Context(), v.r.PathValue("id"))
	if err == nil && t.UserID != user.ID {
		err = fault.NotSeller.New("This ticket is listed by somebody else.")
	}
	return t, err
}

// version is that of the ticket which the form was about.
func (v *visit) version() (int64, error) {
	values, err := v.sent()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(values.Get("version"), 10, 64)
	if err != nil || n < 1 {
		return 0, fault.BadInput.New("The form did not say which version of the ticket it is about.").Because(err)
	}
	return n, nil
}

// showEdit is GET /tickets/{id}/edit.
func (s *Site) showEdit(v *visit) error {
	t, err := v.ownTicket()
	if err != nil {
		return err
	}
	f := v.editForm(t)
	f.Input("title").Value, f.Input("venue").Value, f.Input("details").Value = t.Title, t.Venue, t.Details
	f.Input("price").Value = v.words.Amount(t.Price, t.Currency)
	if !t.StartsAt.IsZero() {
		f.Input("startsAt").Value = t.StartsAt.In(v.zoneOf(&t)).Format(localTime)
	}
	return v.showChange(editing, changePage{Ticket: t, Form: f, Version: t.Version})
}

func (v *visit) editForm(t api.Ticket) *Form {
	return v.listingForm("/tickets/"+t.ID+"/edit", "edit.submit", v.zoneOf(&t))
}

func (v *visit) showChange(c change, page changePage) error {
	page.View = v.titled(c.title, page.Ticket.Title)
	if page.Ticket.Status == api.Locked {
		v.Refresh = lookAgain
	}
	if page.Form.Wrong() {
		v.Refresh = 0 // what was typed would be lost
	}
	return v.show(page.Form.Status, c.page, page)
}

// edit is POST /tickets/{id}/edit.
func (s *Site) edit(v *visit) error {
	t, err := v.ownTicket()
	if err != nil {
		return err
	}
	version, err := v.version()
	if err != nil {
		return err
	}
	page := changePage{Ticket: t, Form: v.editForm(t), Version: version}
	if err := v.read(page.Form); err != nil {
		return err
	}
	listing, ok := page.Form.listing(t)
	if !ok {
		return v.showChange(editing, page)
	}
	_, err = v.client.EditTicket(v.Context(), t.ID, version, listing)
	if err == nil || api.Is(err, fault.VersionMoved) && same(t.Listing(), listing) { // sent twice, it is done already
		return v.goTo("/tickets/" + t.ID + "?done=edited")
	}
	return v.notChanged(editing, page, err)
}

// notChanged shows the form again, with why the change was not made.
func (v *visit) notChanged(c change, page changePage, err error) error {
	now, failed := v.ownTicket()
	if failed != nil {
		return failed
	}
	page.Ticket = now
	if api.Is(err, fault.VersionMoved) {
		page.Moved, page.Version = true, now.Version
		page.Form.Status = http.StatusPreconditionFailed
		page.Form.Faults = append(page.Form.Faults, v.T(c.moved))
		return v.showChange(c, page)
	}
	if err := page.Form.blame(err); err != nil {
		return err
	}
	return v.showChange(c, page)
}

// same tells whether two listings say the same.
func same(a, b api.Listing) bool {
	equal := a.StartsAt.Equal(b.StartsAt)
	a.StartsAt = b.StartsAt
	return equal && a == b
}

// showWithdraw is GET /tickets/{id}/withdraw: it asks once more.
func (s *Site) showWithdraw(v *visit) error {
	t, err := v.ownTicket()
	if err != nil {
		return err
	}
	return v.showChange(withdrawing, changePage{Ticket: t, Form: v.withdrawForm(t), Version: t.Version})
}

func (v *visit) withdrawForm(t api.Ticket) *Form {
	return v.form("withdraw", "/tickets/"+t.ID+"/withdraw", "withdraw.submit")
}

// withdraw is POST /tickets/{id}/withdraw.
func (s *Site) withdraw(v *visit) error {
	t, err := v.ownTicket()
	if err != nil {
		return err
	}
	version, err := v.version()
	if err != nil {
		return err
	}
	if err := v.client.Withdraw(v.Context(), t.ID, version); err != nil {
		return v.notChanged(withdrawing, changePage{Ticket: t, Form: v.withdrawForm(t), Version: version}, err)
	}
	return v.goTo("/selling?done=withdrawn")
}
