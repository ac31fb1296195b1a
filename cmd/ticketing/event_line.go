package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"ticketing/kernel/event"
)

// digest is what one line says of an entity's state; each kind of entity has some of it.
type digest struct {
	Version        int64
	Status         string
	CancelReason   string
	Reason         string
	Price          json.Number
	Amount         json.Number
	Currency       string
	Title          string
	Email          string
	FailureCode    string
	StripeRefundID string
	Ticket         struct {
		Title, Currency string
		Price           json.Number
	}
}

// printEvent writes one event: as it is, or as a line for people.
func printEvent(w io.Writer, document []byte, raw bool) error {
	var e event.Envelope
	if raw || json.Unmarshal(document, &e) != nil {
		_, err := fmt.Fprintf(w, "%s\n", document)
		return err
	}
	_, err := fmt.Fprintf(w, "%s  %-18s  %-36s  %s\n", e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), e.Type, e.Subject, summary(e.Data))
	return err
}

func summary(data []byte) string {
	var d digest
	if err := json.Unmarshal(data, &d); err != nil {
		return ""
	}
	words := []string{fmt.Sprintf("v%d", d.Version), d.Status, d.CancelReason, d.Reason, d.FailureCode}
	words = append(words, price(d.Price, d.Currency), price(d.Amount, d.Currency), price(d.Ticket.Price, d.Ticket.Currency))
	if d.StripeRefundID != "" {
		words = append(words, "refunded")
	}
	for _, s := range []string{d.Title, d.Ticket.Title} {
		if s != "" {
			words = append(words, fmt.Sprintf("%q", s))
		}
	}
	words = append(words, d.Email)
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func price(n json.Number, currency string) string {
	if n == "" {
		return ""
	}
	return n.String() + " " + strings.ToUpper(currency)
}
