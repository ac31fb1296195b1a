package stripesim

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"

	"ticketing/kernel/store"
)

// errStepOver is what a bank's page says that was answered before, or whose payment has gone another way.
var errStepOver = errors.New("this step is over")

// page is the bank's, and the one of onboarding. It works without a script, and its form goes to its own address.
var page = template.Must(template.New("bank").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem; overflow-wrap: break-word; }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.2rem; margin: 0 .6rem .6rem 0; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
</style>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{if .Buttons}}<form method="post">
{{range .Buttons}}<button name="decision" value="{{.Value}}">{{.Label}}</button>
{{end}}</form>{{end}}
</main>
</html>
`))

type pageData struct {
	Title, Text string
	Buttons     []button
}

// button is a decision that can be made on a page.
type button struct{ Value, Label string }

// atBank are the buttons of the bank's page.
var atBank = []button{{"approve", "Approve"}, {"fail", "Fail"}}

// bankPage shows the step that an intent waits for.
func (s *Sim) bankPage(w http.ResponseWriter, r *http.Request) {
	var in *intent
	err := s.db.View(r.Context(), func(tx *store.Tx) (err error) {
		in, _, err = findIntent(tx, r.PathValue("id"))
		return err
	})
	switch {
	case err != nil:
		s.log.Error("bank page failed", "error", err)
		show(w, http.StatusServiceUnavailable, pageData{Title: "The bank cannot be reached", Text: "Please try again."})
	case in == nil || !in.waitsFor(r.URL.Query().Get("step")):
		show(w, http.StatusGone, pageData{Title: "This step is over", Text: "There is nothing to approve here any more."})
	default:
		show(w, http.StatusOK, pageData{Title: "Your bank (a test)", Buttons: atBank,
			Text: fmt.Sprintf("Do you approve the payment of %s? No money moves: this page stands in for your bank's.",
				sum(in.amount, in.currency))})
	}
}

// bankDecision takes the cardholder's answer and sends them back where they came from.
func (s *Sim) bankDecision(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	decision := r.PostFormValue("decision")
	if decision != "approve" && decision != "fail" {
		show(w, http.StatusBadRequest, pageData{Title: "Nothing was decided", Text: "Go back and choose Approve or Fail."})
		return
	}
	in, err := s.decide(r.Context(), r.PathValue("id"), r.URL.Query().Get("step"), decision == "approve")
	switch {
	case errors.Is(err, errStepOver):
		show(w, http.StatusGone, pageData{Title: "This step is over", Text: "There is nothing to approve here any more."})
	case err != nil:
		s.log.Error("bank decision failed", "error", err)
		show(w, http.StatusServiceUnavailable, pageData{Title: "The bank cannot be reached", Text: "Please try again."})
	case in.details.ReturnURL != "":
		http.Redirect(w, r, in.comeBack(), http.StatusSeeOther)
	default:
		show(w, http.StatusOK, pageData{Title: "Thank you", Text: "The bank has your answer. You can close this page."})
	}
}

// Answer is the cardholder's answer to the bank's step that the intent waits for, given from Go.
func (s *Sim) Answer(ctx context.Context, intentID string, approve bool) error {
	_, err := s.decide(ctx, intentID, "", approve)
	return err
}

// decide ends the step; an empty token is the one that is open.
func (s *Sim) decide(ctx context.Context, id, token string, approve bool) (in *intent, err error) {
	err = s.act(context.WithoutCancel(ctx), func(c *call) (err error) {
		var ok bool
		in, ok, err = lockIntent(c.tx, id)
		if err != nil {
			return err
		}
		if !ok || in.status != requiresAction || token != "" && !in.waitsFor(token) {
			return errStepOver
		}
		if !approve {
			return c.failStep(in)
		}
		with, ok, err := c.findMethod(in.method)
		if err != nil {
			return err
		}
		if !ok || with.used {
			return c.failStep(in)
		}
		_, err = c.charge(in, with)
		var declined *apiError
		if errors.As(err, &declined) && declined.executed {
			return nil
		}
		return err
	})
	return in, err
}

// failStep is the cardholder's no: the bank was never asked for the money.
func (c *call) failStep(in *intent) error {
	const code = "payment_intent_authentication_failure"
	why := errorBody{Type: "invalid_request_error", Code: code, DocURL: docURL(code),
		Message: "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod " +
			"to attempt to fulfill this PaymentIntent again."}
	with, ok, err := c.findMethod(in.method)
	if err != nil {
		return err
	}
	if ok {
		why.PaymentMethod = with.render()
	}
	in.status, in.method, in.details.LastError = requiresMethod, "", &why
	in.details.Step, in.details.StepURL = "", ""
	if err := saveIntent(c.tx, in); err != nil {
		return err
	}
	return c.emit("payment_intent.payment_failed", in.render())
}

func (in *intent) waitsFor(token string) bool {
	return in.status == requiresAction && token != "" && token == in.details.Step
}

// comeBack is the client's return_url with what Stripe adds to it.
func (in *intent) comeBack() string {
	u, err := url.Parse(in.details.ReturnURL)
	if err != nil {
		return in.details.ReturnURL
	}
	outcome := succeeded
	if in.status == requiresMethod {
		outcome = failed
	}
	q := u.Query()
	q.Set("payment_intent", in.id)
	q.Set("payment_intent_client_secret", in.details.ClientSecret)
	q.Set("redirect_status", outcome)
	u.RawQuery = q.Encode()
	return u.String()
}

func show(w http.ResponseWriter, status int, data pageData) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = page.Execute(w, data)
}
