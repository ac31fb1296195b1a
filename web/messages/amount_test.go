package messages_test

import (
	"testing"

	"ticketing/kernel/money"
	"ticketing/web/messages"
)

func TestAmountsAreReadAsReadersWriteThem(t *testing.T) {
	for _, c := range []struct{ accepts, written, want string }{
		{"en-US", "49", "49"},
		{"en-US", "49.9", "49.9"},
		{"en-US", " $1,249.50 ", "1249.5"},
		{"en-US", "1,250", "1250"},
		{"en-US", "1.250", "1.25"},
		{"en-US", "12,5", "12.5"},
		{"en-US", "1.249,50", "1249.5"},
		{"en-US", "1,000,000", "1000000"},
		{"en-IN", "12,34,500.50", "1234500.5"},
		{"en-US", ".5", "0.5"},
		{"en-US", "5.", "5"},
		{"de-DE", "49,90", "49.9"},
		{"de-DE", "1.249,50 €", "1249.5"},
		{"de-DE", "1.250", "1250"},
		{"de-DE", "1,250", "1.25"},
		{"de-DE", "49.90", "49.9"},
		{"de-DE", "1,249.50", "1249.5"},
		{"de-CH", "1’249.50", "1249.5"},
		{"de-CH", "1'249.50", "1249.5"},
		{"de-AT", "1\u00a0249,50", "1249.5"},
	} {
		got, err := messages.Choose("", c.accepts).ParseAmount(c.written)
		if err != nil || got.String() != c.want {
			t.Errorf("%q in %s is %s, %v, want %s", c.written, c.accepts, got, err, c.want)
		}
	}
	for _, written := range []string{"", "twelve", "-5", "1e3", "1.2.3", "1,2,3", "1.25.000", "0x10", "12-", "٣", "007", "1.000.00", ".", "9999999999999999999"} {
		for _, accepts := range []string{"en-US", "de-DE"} {
			if got, err := messages.Choose("", accepts).ParseAmount(written); err == nil {
				t.Errorf("%q in %s is taken for %s", written, accepts, got)
			}
		}
	}
}

// What a form shows is read as what it was.
func TestAmountsComeBack(t *testing.T) {
	for _, accepts := range []string{"en-US", "en-GB", "de-DE", "de-AT", "de-CH", "de-LI", "en-IN"} {
		w := messages.Choose("", accepts)
		for _, c := range []struct{ amount, currency string }{
			{"0.5", "usd"}, {"49.9", "eur"}, {"1000", "chf"}, {"1249.5", "usd"}, {"1000000", "usd"}, {"5000", "jpy"}, {"12.005", "kwd"}, {"1234.005", "kwd"},
		} {
			amount, err := money.ParseDecimal(c.amount)
			if err != nil {
				t.Fatal(err)
			}
			shown := w.Amount(amount, c.currency)
			if back, err := w.ParseAmount(shown); err != nil || back != amount {
				t.Errorf("%s %s is shown as %q in %s, which is read as %s, %v", c.amount, c.currency, shown, accepts, back, err)
			}
		}
	}
}
