// Package money is exact: whole minor units inside, decimal numbers at the border, never a float.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// Amount is a sum in the minor unit of its currency: cents of dollars.
type Amount int64

// Currency is an ISO 4217 currency with its number of decimals.
type Currency struct {
	Code     string // lower case: "usd"
	Decimals int
}

// The reasons why a Decimal is no Amount of a currency.
var (
	ErrDecimals = errors.New("more decimals than the currency has")
	ErrRange    = errors.New("out of range")
)

// ParseCurrency looks the code up in ISO 4217; upper and lower case are both fine.
func ParseCurrency(code string) (Currency, error) {
	unit, err := currency.ParseISO(code)
	if err != nil || unit == (currency.Unit{}) { // ISO 4217 has a code for no currency, too
		return Currency{}, fmt.Errorf("%q is not an ISO 4217 currency code", code)
	}
	decimals, _ := currency.Standard.Rounding(unit)
	return Currency{Code: strings.ToLower(unit.String()), Decimals: decimals}, nil
}

// Amount is d in minor units; an error is ErrDecimals or ErrRange.
func (c Currency) Amount(d Decimal) (Amount, error) {
	if d.scale > c.Decimals {
		return 0, ErrDecimals
	}
	n := d.units
	for range c.Decimals - d.scale {
		if n > math.MaxInt64/10 || n < math.MinInt64/10 {
			return 0, ErrRange
		}
		n *= 10
	}
	return Amount(n), nil
}

// Decimal is a as a number in the major unit: 1999 cents are 19.99.
func (c Currency) Decimal(a Amount) Decimal {
	return Decimal{units: int64(a), scale: c.Decimals}.normal()
}

// Format is a in the major unit with all decimals of the currency and its code: "19.90 USD".
func (c Currency) Format(a Amount) string {
	sign, units := "", uint64(a)
	if a < 0 {
		sign, units = "-", -units
	}
	digits := strconv.FormatUint(units, 10)
	if c.Decimals > 0 {
		if short := c.Decimals + 1 - len(digits); short > 0 {
			digits = strings.Repeat("0", short) + digits
		}
		digits = digits[:len(digits)-c.Decimals] + "." + digits[len(digits)-c.Decimals:]
	}
	return sign + digits + " " + strings.ToUpper(c.Code)
}
