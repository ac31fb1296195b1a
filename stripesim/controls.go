package stripesim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"time"
)

// read takes the body, whatever its content type says. No body leaves the value as it is.
func read(r *http.Request, into any) error {
	return strictly(r.Body, into)
}

func strictly(text io.Reader, into any) error {
	d := json.NewDecoder(text)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return badControl{fmt.Errorf("the body is not what is expected here: %w", err)}
	}
	return nil
}

// readSome takes one value or an array of them.
func readSome[T any](r *http.Request) ([]T, error) {
	var raw json.RawMessage
	if err := read(r, &raw); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		var some []T
		return some, strictly(bytes.NewReader(raw), &some)
	}
	one := make([]T, 1)
	return one, strictly(bytes.NewReader(raw), &one[0])
}

// blame says that an error is of whoever asked.
func blame(err error) error {
	if err != nil {
		return badControl{err}
	}
	return nil
}

func addFaults(s *Sim, r *http.Request) (any, error) {
	rules, err := readSome[Rule](r)
	if err == nil {
		err = blame(s.AddFaults(rules...))
	}
	return s.Faults(), err
}

func addMischief(s *Sim, r *http.Request) (any, error) {
	all, err := readSome[Mischief](r)
	if err == nil {
		err = blame(s.AddMischief(all...))
	}
	return s.Mischief(), err
}

func addWebhook(s *Sim, r *http.Request) (any, error) {
	var in struct {
		URL, Secret string
		Types       []string
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if !validHook(in.URL) {
		return nil, badControl{errors.New("url: an http or https URL is needed")}
	}
	secret, err := s.SetWebhook(r.Context(), Webhook{Name: in.URL, URL: in.URL, Secret: in.Secret, Types: in.Types})
	return map[string]string{"url": in.URL, "secret": secret}, err
}

func rotateSecret(s *Sim, r *http.Request) (any, error) {
	var in struct {
		Endpoint, Secret string
		Overlap          int64 `json:"overlap_ms"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	secret, err := s.RotateSecret(r.Context(), in.Endpoint, in.Secret, time.Duration(in.Overlap)*time.Millisecond)
	return map[string]string{"endpoint": in.Endpoint, "secret": secret}, err
}

func listDeliveries(s *Sim, r *http.Request) (any, error) {
	limit := 100
	if text := r.FormValue("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 10000 {
			return nil, badControl{errors.New("limit: a number from 1 to 10000 is needed")}
		}
	}
	return s.Deliveries(r.Context(), limit)
}

func hasten(s *Sim, r *http.Request) (any, error) {
	n, err := s.Hasten(r.Context())
	return map[string]int64{"hastened": n}, err
}

func answerBank(s *Sim, r *http.Request) (any, error) {
	var in struct {
		Intent  string `json:"payment_intent"`
		Approve *bool
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.Intent == "" || in.Approve == nil {
		return nil, badControl{errors.New("payment_intent and approve are needed")}
	}
	return struct{}{}, s.Answer(r.Context(), in.Intent, *in.Approve)
}

func settle(s *Sim, r *http.Request) (any, error) {
	var in struct{ Object string }
	if err := read(r, &in); err != nil {
		return nil, err
	}
	carryOut := s.Settle
	if in.Object != "" {
		carryOut = func(ctx context.Context) (int, error) { return s.SettleNow(ctx, in.Object) }
	}
	n, err := carryOut(r.Context())
	return map[string]int{"settled": n}, err
}

func readLedger(s *Sim, r *http.Request) (any, error) {
	entries, err := s.Ledger(r.Context())
	all := make([]object, len(entries))
	for i, e := range entries {
		all[i] = object{"at": e.At, "kind": e.Kind, "payment_intent": orNull(e.Intent), "charge": orNull(e.Charge),
			"refund": orNull(e.Refund), "dispute": orNull(e.Dispute), "transfer": orNull(e.Transfer),
			"reversal": orNull(e.Reversal), "amount": e.Amount, "currency": e.Currency}
	}
	return all, err
}

func readTotals(s *Sim, r *http.Request) (any, error) {
	totals, err := s.Totals(r.Context())
	all := make([]object, len(totals))
	for i, t := range totals {
		all[i] = object{"payment_intent": t.Intent, "currency": t.Currency, "captured": t.Captured, "refunded": t.Refunded,
			"disputed": t.Disputed, "transferred": t.Transferred, "metadata": t.Metadata}
	}
	return all, err
}

func ageKeys(s *Sim, r *http.Request) (any, error) {
	var in struct {
		Age   int64 `json:"age_ms"`
		Prune bool
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := s.AgeKeys(r.Context(), time.Duration(in.Age)*time.Millisecond); err != nil || !in.Prune {
		return struct{}{}, err
	}
	n, err := s.PruneKeys(r.Context())
	return map[string]int64{"pruned": n}, err
}

// controlPage is the index: what can be asked, each with a line for a shell.
var controlPage = template.Must(template.New("control").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The payment simulator's controls</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
td { vertical-align: top; padding: .3rem .6rem .3rem 0; }
code { font-size: .85rem; overflow-wrap: anywhere; }
</style>
<h1>The payment simulator's controls</h1>
<p>Bodies and answers are JSON. Fields of a fault: method, path (a pattern), operation, match (part of the idempotency key or of
a value of the metadata), stage (before, after), status or drop, sticky, delay_ms, skip, times. Fields of mischief: kind, type (a
pattern), count, delay_ms, skip, times. What is added lasts until it is cleared or this process ends.</p>
<table>
{{range .Rows}}<tr><td><code>{{.Method}} {{.Path}}</code></td><td>{{.About}}<br>
<code>curl -sS{{if ne .Method "GET"}} -X {{.Method}}{{end}}{{if .Example}} -d '{{.Example}}'{{end}} {{$.Base}}{{.Path}}</code></td></tr>
{{end}}</table>
</html>
`))

// controlRow is what the page shows of a control.
type controlRow struct{ Method, Path, About, Example string }

func showControls(w http.ResponseWriter, r *http.Request, all []control) {
	rows := make([]controlRow, len(all))
	for i, c := range all {
		rows[i] = controlRow{c.method, c.path, c.about, c.example}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "no-store")
	_ = controlPage.Execute(w, struct { // who went away needs no answer
		Base string
		Rows []controlRow
	}{"http://" + r.Host, rows})
}
