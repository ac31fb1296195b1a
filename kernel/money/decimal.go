package money

import (
	"fmt"
	"strconv"
	"strings"
)

// Decimal is a decimal number as JSON writes it, kept exactly: the form of prices at the border. The zero value is 0.
// Equal numbers are equal values: 19.90 and 19.9 are the same Decimal.
type Decimal struct {
	units int64 // the number times 10^scale
	scale int   // digits behind the point, no trailing zeros
}

// The most digits that ParseDecimal takes, with zeros on either side; far more than any sum of money has.
const maxDigits = 18

// ParseDecimal reads a JSON number; exponents are allowed.
func ParseDecimal(s string) (Decimal, error) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
		doubled := strings.ContainsAny(s[min(i+2, len(s)):], "+-") // Atoi would take the sign that follows ours
		if err != nil || doubled || e > maxDigits || e < -maxDigits {
			return Decimal{}, fmt.Errorf("%.40q is not a number of money", s)
		}
		mantissa, exponent = s[:i], e
	}
	whole, fraction, dotted := strings.Cut(mantissa, ".")
	digits := strings.TrimPrefix(whole, "-")
	padded := len(digits) > 1 && digits[0] == '0' // 019 is no JSON number
	if digits == "" || padded || dotted && fraction == "" || !allDigits(digits) || !allDigits(fraction) {
		return Decimal{}, fmt.Errorf("%.40q is not a number", s)
	}
	scale := len(fraction) - exponent
	digits += fraction
	if scale < 0 {
		digits, scale = digits+strings.Repeat("0", -scale), 0
	}
	for scale > 0 && strings.HasSuffix(digits, "0") {
		digits, scale = digits[:len(digits)-1], scale-1
	}
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > maxDigits || scale > maxDigits {
		return Decimal{}, fmt.Errorf("%.40q has too many digits", s)
	}
	if digits == "" {
		return Decimal{}, nil
	}
	units, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Decimal{}, err
	}
	if whole[0] == '-' {
		units = -units
	}
	return Decimal{units: units, scale: scale}.normal(), nil
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.units < 0:
		return -1
	case d.units > 0:
		return 1
	}
	return 0
}

// String is the shortest decimal notation: "19.9".
func (d Decimal) String() string {
	if d.scale == 0 {
		return strconv.FormatInt(d.units, 10)
	}
	sign, units := "", uint64(d.units)
	if d.units < 0 {
		sign, units = "-", -units
	}
	digits := strconv.FormatUint(units, 10)
	if short := d.scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	return sign + digits[:len(digits)-d.scale] + "." + digits[len(digits)-d.scale:]
}

// MarshalJSON writes the number itself, not a string.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON takes a JSON number only: a string or null is an error.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	v, err := ParseDecimal(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

func (d Decimal) normal() Decimal {
	for d.scale > 0 && d.units%10 == 0 {
		d.units, d.scale = d.units/10, d.scale-1
	}
	return d
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Whole is n units of the currency, whichever it is.
func Whole(n int64) Decimal { return Decimal{units: n} }
