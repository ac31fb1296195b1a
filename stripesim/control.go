package stripesim

import (
	"encoding/json"
	"errors"
	"net/http"

	"ticketing/kernel/store"
)

// control is one thing that can be asked of the simulator itself.
type control struct {
	method, path string
	about        string
	example      string // of a body
	run          func(s *Sim, r *http.Request) (any, error)
}

// controls is the control endpoint; its index page is made of this table.
var controls = []control{
	{"GET", "/control/faults", "the rules by which requests go wrong", "", func(s *Sim, _ *http.Request) (any, error) { return s.Faults(), nil }},
	{"POST", "/control/faults", "add a rule, or several in an array", `{"operation":"confirm","stage":"after","drop":true,"times":1}`, addFaults},
	{"DELETE", "/control/faults", "forget the rules", "", func(s *Sim, _ *http.Request) (any, error) { s.ClearFaults(); return s.Faults(), nil }},
	{"GET", "/control/mischief", "what goes wrong with webhooks", "", func(s *Sim, _ *http.Request) (any, error) { return s.Mischief(), nil }},
	{"POST", "/control/mischief", "add to it, once or several in an array; kind is duplicate, reorder, drop, delay, bad_signature or old_timestamp",
		`{"kind":"duplicate","type":"payment_intent.*","times":3}`, addMischief},
	{"DELETE", "/control/mischief", "let webhooks go their way again, those held back included", "", func(s *Sim, _ *http.Request) (any, error) { s.ClearMischief(); return s.Mischief(), nil }},
	{"POST", "/control/webhooks", "send events to a URL, signed with a secret; without types all of them",
		`{"url":"http://localhost:8080/api/payments/webhook","secret":"whsec_1","types":["payment_intent.succeeded"]}`, addWebhook},
	{"POST", "/control/webhooks/rotate", "give the endpoint (its URL or id) a new secret; for overlap_ms the old one signs too",
		`{"endpoint":"http://localhost:8080/api/payments/webhook","secret":"whsec_2","overlap_ms":60000}`, rotateSecret},
	{"GET", "/control/deliveries", "the newest deliveries of webhooks (?limit=)", "", listDeliveries},
	{"POST", "/control/deliveries", "do not wait any longer before the next attempt of those that are pending", "", hasten},
	{"POST", "/control/bank", "the cardholder's answer to the bank's step that an intent waits for", `{"payment_intent":"pi_…","approve":true}`, answerBank},
	{"POST", "/control/settle", "do now what one object waits for, due or not (a refund's outcome, a dispute, the end of an intent's hold); without it what is due",
		`{"object":"re_…"}`, settle},
	{"GET", "/control/ledger", "every movement of money, oldest first", "", readLedger},
	{"GET", "/control/totals", "what became of the money of each intent", "", readTotals},
	{"GET", "/control/requests", "the last requests, newest first", "", func(s *Sim, _ *http.Request) (any, error) { return s.Requests(), nil }},
	{"DELETE", "/control/requests", "forget them", "", func(s *Sim, _ *http.Request) (any, error) { s.ForgetRequests(); return s.Requests(), nil }},
	{"POST", "/control/keys", "make the idempotency keys older, forget those that are older than 24 h, or both", `{"age_ms":86400000,"prune":true}`, ageKeys},
}

// resetControl is there only for an account that may be emptied.
var resetControl = control{"POST", "/control/reset", "forget everything but the endpoints of webhooks", "",
	func(s *Sim, r *http.Request) (any, error) { return struct{}{}, s.Reset(r.Context()) }}

// Control serves what tests and their authors ask of the simulator itself, below /control/. It does whatever it is told:
// it belongs where only they reach it, and never on a public listener.
func (s *Sim) Control() http.Handler {
	all := controls
	if s.resettable {
		all = append(all[:len(all):len(all)], resetControl)
	}
	mux := http.NewServeMux()
	for _, c := range all {
		mux.HandleFunc(c.method+" "+c.path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			v, err := c.run(s, r)
			s.report(w, v, err)
		})
	}
	mux.HandleFunc("GET /control/{$}", func(w http.ResponseWriter, r *http.Request) {
		showControls(w, r, all)
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// badControl is an error of whoever asks.
type badControl struct{ error }

func (s *Sim) report(w http.ResponseWriter, v any, err error) {
	status := http.StatusOK
	var bad badControl
	switch {
	case errors.As(err, &bad):
		status = http.StatusBadRequest
	case errors.Is(err, errStepOver):
		status = http.StatusConflict
	case errors.Is(err, ErrNoWebhook):
		status = http.StatusNotFound
	case errors.Is(err, store.ErrUnavailable):
		status = http.StatusServiceUnavailable
	case err != nil:
		status = http.StatusInternalServerError
		s.log.Error("a control of the payment simulator failed", "error", err)
	}
	if err != nil {
		v = map[string]string{"error": err.Error()}
	}
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who went away needs no answer
}
