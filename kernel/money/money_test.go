package money_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ticketing/kernel/money"
)

func currency(t testing.TB, code string) money.Currency {
	t.Helper()
	c, err := money.ParseCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseCurrency(t *testing.T) {
	for in, want := range map[string]money.Currency{
		"usd": {Code: "usd", Decimals: 2}, "EUR": {Code: "eur", Decimals: 2}, "Gbp": {Code: "gbp", Decimals: 2},
		"jpy": {Code: "jpy", Decimals: 0}, "KRW": {Code: "krw", Decimals: 0},
		"kwd": {Code: "kwd", Decimals: 3}, "bhd": {Code: "bhd", Decimals: 3}, "TND": {Code: "tnd", Decimals: 3},
	} {
		if got := currency(t, in); got != want {
			t.Errorf("%s is %+v, want %+v", in, got, want)
		}
	}
	for _, in := range []string{"", "us", "usdd", "u$d", "zzz", "xxx", strings.ToUpper("xxx"), "dollar", " usd"} {
		if c, err := money.ParseCurrency(in); err == nil {
			t.Errorf("%q is taken for %+v", in, c)
		} else if !strings.Contains(err.Error(), "ISO 4217") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		code, price string
		want        money.Amount
		err         error
	}{
		{"usd", "19.99", 1999, nil}, {"usd", "19.990", 1999, nil}, {"usd", "0.01", 1, nil}, {"usd", "-0.01", -1, nil},
		{"usd", "0", 0, nil}, {"usd", "1e6", 100_000_000, nil}, {"usd", "19.999", 0, money.ErrDecimals}, {"usd", "0.001", 0, money.ErrDecimals},
		{"jpy", "500", 500, nil}, {"jpy", "500.0", 500, nil}, {"jpy", "5e2", 500, nil}, {"jpy", "0.5", 0, money.ErrDecimals},
		{"kwd", "1.234", 1234, nil}, {"kwd", "1.2", 1200, nil}, {"kwd", "1.2345", 0, money.ErrDecimals},
		{"usd", "92233720368547758.07", math.MaxInt64, errAny}, // more digits than anything of money has
		{"usd", "999999999999999999", 0, money.ErrRange}, {"usd", "-999999999999999999", 0, money.ErrRange},
		{"jpy", "999999999999999999", 999999999999999999, nil}, {"kwd", "9999999999999999", 0, money.ErrRange},
		{"kwd", "9223372036854775", 9223372036854775000, nil}, {"kwd", "9223372036854776", 0, money.ErrRange},
	} {
		d, err := money.ParseDecimal(c.price)
		if c.err == errAny {
			if err == nil {
				t.Errorf("%s is taken", c.price)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := currency(t, c.code).Amount(d); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s in %s is %d, %v, want %d, %v", c.price, c.code, got, err, c.want, c.err)
		}
	}
}

var errAny = errors.New("any")

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		code   string
		amount money.Amount
		want   string
	}{
		{"usd", 1990, "19.90 USD"}, {"usd", 1999, "19.99 USD"}, {"usd", 0, "0.00 USD"}, {"usd", 5, "0.05 USD"}, {"usd", -5, "-0.05 USD"},
		{"usd", -12345, "-123.45 USD"}, {"usd", 100_000_000, "1000000.00 USD"}, {"jpy", 500, "500 JPY"}, {"jpy", 0, "0 JPY"},
		{"kwd", 1, "0.001 KWD"}, {"kwd", 12345, "12.345 KWD"},
		{"usd", math.MaxInt64, "92233720368547758.07 USD"}, {"usd", math.MinInt64, "-92233720368547758.08 USD"}, {"jpy", math.MinInt64, "-9223372036854775808 JPY"},
	} {
		if got := currency(t, c.code).Format(c.amount); got != c.want {
			t.Errorf("%d of %s is %q, want %q", c.amount, c.code, got, c.want)
		}
	}
}

func TestDecimalOfAmounts(t *testing.T) {
	for _, c := range []struct {
		code   string
		amount money.Amount
		want   string
	}{
		{"usd", 1999, "19.99"}, {"usd", 1990, "19.9"}, {"usd", 1900, "19"}, {"usd", 1, "0.01"}, {"usd", -1, "-0.01"}, {"usd", 0, "0"},
		{"jpy", 1990, "1990"}, {"kwd", 1, "0.001"}, {"usd", math.MinInt64, "-92233720368547758.08"}, {"jpy", math.MinInt64, "-9223372036854775808"},
	} {
		if got := currency(t, c.code).Decimal(c.amount).String(); got != c.want {
			t.Errorf("%d of %s is %s, want %s", c.amount, c.code, got, c.want)
		}
	}
}

// To the minor unit, and back: nothing is gained or lost, in any currency.
func TestAmountsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := money.Currency{Code: "xts", Decimals: rapid.IntRange(0, 4).Draw(t, "decimals")}
		a := money.Amount(rapid.Int64Range(-1e15, 1e15).Draw(t, "amount"))
		d := c.Decimal(a)
		if back, err := c.Amount(d); err != nil || back != a {
			t.Fatalf("%d became %s and then %d, %v", a, d, back, err)
		}
		read, err := money.ParseDecimal(strings.TrimSuffix(c.Format(a), " XTS"))
		if err != nil || read != d {
			t.Fatalf("%d is shown as %s, which reads as %s, %v", a, c.Format(a), read, err)
		}
	})
}
