package money_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ticketing/kernel/money"
)

func TestParseDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "-0.00": "0", "0e5": "0", "0E-5": "0",
		"1": "1", "-1": "-1", "10": "10", "19.99": "19.99", "-19.99": "-19.99", "19.90": "19.9", "19.000": "19", "0.01": "0.01",
		"0.000": "0", "1e2": "100", "1E2": "100", "1e+2": "100", "1e02": "100", "1e-2": "0.01", "1.5e1": "15", "1.55e1": "15.5",
		"1999e-2": "19.99", "-25e-1": "-2.5", "100e-2": "1", "1e17": "100000000000000000",
		"999999999999999999": "999999999999999999", "0.000000000000000001": "0.000000000000000001",
		"0." + strings.Repeat("0", 300): "0", "1." + strings.Repeat("0", 300): "1",
		"1000000000000000000000e-18": "1000",
	} {
		got, err := money.ParseDecimal(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseDecimal(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "-", "+", ".", "e", "1.", ".5", "-.5", "+1", "--1", "1-", "1.2.3", "1,5", "1_000", "0x10", "1e", "1e+", "1e-", "1e5e5",
		"1e1.5", "1e++5", "1e+-5", "1e 5", "e5", " 1", "1 ", "１", "NaN", "Infinity", "null", `"1"`, "1e400", "-1e400", "1e-400", "1e99999999999999999999",
		"01", "00", "-01", "007.5", "00e1", // leading zeros are not JSON
		"1000000000000000000", "1e18", "9223372036854775808", "0.0000000000000000001", strings.Repeat("9", 1000),
	} {
		if got, err := money.ParseDecimal(in); err == nil {
			t.Errorf("ParseDecimal(%q) = %v, want an error", in, got)
		} else if len(err.Error()) > 100 {
			t.Errorf("ParseDecimal(%.10q…) has an error of %d bytes", in, len(err.Error()))
		}
	}
}

func TestEqualNumbersAreEqualValues(t *testing.T) {
	for _, same := range [][]string{{"19.9", "19.90", "199e-1", "1.99e1"}, {"100", "1e2", "100.0", "10e1"}, {"0", "-0", "0.00", "0e9"}} {
		first := decimal(t, same[0])
		for _, s := range same[1:] {
			if got := decimal(t, s); got != first {
				t.Errorf("%s and %s differ: %#v and %#v", same[0], s, first, got)
			}
		}
	}
	if decimal(t, "0") != (money.Decimal{}) || money.Whole(5) != decimal(t, "5.0") || money.Whole(100) != decimal(t, "1e2") {
		t.Error("the zero value is not 0, or Whole makes another 5")
	}
}

func TestSign(t *testing.T) {
	for in, want := range map[string]int{"0": 0, "-0": 0, "0.01": 1, "7": 1, "-0.01": -1} {
		if got := decimal(t, in).Sign(); got != want {
			t.Errorf("the sign of %s is %d", in, got)
		}
	}
}

func TestJSONIsANumber(t *testing.T) {
	type body struct {
		Price money.Decimal  `json:"price"`
		Seen  *money.Decimal `json:"seen,omitempty"`
	}
	for in, want := range map[string]string{
		`{"price":19.99}`:            `{"price":19.99}`,
		`{"price":19.990}`:           `{"price":19.99}`,
		`{"price":-0}`:               `{"price":0}`,
		`{"price":2e1,"seen":0.10}`:  `{"price":20,"seen":0.1}`,
		`{"price":1,"seen":null}`:    `{"price":1}`,
		`{"price":999999999999.999}`: `{"price":999999999999.999}`,
	} {
		var b body
		if err := json.Unmarshal([]byte(in), &b); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, err := json.Marshal(b); err != nil || string(got) != want {
			t.Errorf("%s comes back as %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`{"price":"19.99"}`, `{"price":null}`, `{"price":true}`, `{"price":[1]}`, `{"price":{}}`, `{"price":1e400}`, `{"price":01}`} {
		var b body
		if err := json.Unmarshal([]byte(in), &b); err == nil {
			t.Errorf("%s is taken for %v", in, b.Price)
		}
	}
}

// A decimal that is written and read again is the same, and it is the number that was written.
func TestDecimalKeepsTheNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?([eE][+-]?[0-3])?`).Draw(t, "number")
		d, err := money.ParseDecimal(in)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		want, _ := new(big.Rat).SetString(in)
		if got, ok := new(big.Rat).SetString(d.String()); !ok || got.Cmp(want) != 0 {
			t.Fatalf("%s became %s", in, d)
		}
		again, err := money.ParseDecimal(d.String())
		if err != nil || again != d {
			t.Fatalf("%s reads as %#v, %v, not %#v", d, again, err, d)
		}
	})
}

// FuzzDecimal: whatever text comes, the answer is a refusal, or the very number that JSON and big.Rat read in it.
func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"19.99", "-0", "01", "1e400", "1e+-5", "0.000000000000000001", "1.50e-3", "", "null", "--1", "9e17"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		d, err := money.ParseDecimal(in)
		if err != nil {
			return
		}
		if !json.Valid([]byte(in)) || in != strings.TrimSpace(in) {
			t.Fatalf("%q is no JSON number, but %s", in, d)
		}
		want, ok := new(big.Rat).SetString(in)
		got, _ := new(big.Rat).SetString(d.String())
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("%q became %s", in, d)
		}
		if again, err := money.ParseDecimal(d.String()); err != nil || again != d {
			t.Fatalf("%q: %s reads as %#v, %v", in, d, again, err)
		}
	})
}

func decimal(t testing.TB, s string) money.Decimal {
	t.Helper()
	d, err := money.ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
