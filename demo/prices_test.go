package demo

import (
	"testing"

	"ticketing/kernel/money"
)

func TestPricesSuitTheCurrency(t *testing.T) {
	for _, c := range []struct {
		code  string
		price int
		want  string
	}{
		{"usd", 950, "9.5"}, {"eur", 12990, "129.9"}, {"gbp", 45000, "450"},
		{"jpy", 950, "1450"}, {"jpy", 8900, "13500"}, {"krw", 45000, "630000"}, {"sek", 950, "95"}, {"huf", 3990, "15000"},
		{"kwd", 3990, "39.9"}, {"idr", 45000, "990000"}, {"clf", 950, "9.5"}, {"xaf", 950, "9"},
	} {
		currency, err := money.ParseCurrency(c.code)
		if err != nil {
			t.Fatal(err)
		}
		price := priceIn(currency, c.price)
		if price.String() != c.want {
			t.Errorf("%d in %s: %s, want %s", c.price, c.code, price, c.want)
		}
		if _, err := currency.Amount(price); err != nil {
			t.Errorf("%s %s: %v", price, c.code, err)
		}
	}
}
