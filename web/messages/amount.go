package messages

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/currency"

	"ticketing/kernel/money"
)

// Amount is an amount without its currency, as the reader writes it: "1,249.50", "1.249,50".
func (w *Words) Amount(amount money.Decimal, code string) string {
	scale := 2
	if unit, err := currency.ParseISO(code); err == nil {
		scale, _ = currency.Standard.Rounding(unit)
	}
	return w.decimal(amount, scale)
}

// How people write amounts: without marks between the thousands, and with either of them. Indians put commas after the
// thousand and then between pairs of digits.
var (
	plainAmount = regexp.MustCompile(`^[0-9]*[.,]?[0-9]*$`)
	commaGroups = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}([.][0-9]*)?$`)
	pointGroups = regexp.MustCompile(`^[0-9]{1,3}([.][0-9]{3})+(,[0-9]*)?$`)
)

// ParseAmount reads an amount as people write it, in whichever language they are used to. Where 1.250 may mean two things
// the reader's language decides.
func (w *Words) ParseAmount(written string) (money.Decimal, error) {
	s := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Sc, r) || r == '\'' || r == '’' {
			return -1
		}
		return r
	}, written)
	usual, other := commaGroups, pointGroups
	if w.Code == "de" && w.decimalComma() {
		usual, other = pointGroups, commaGroups
	}
	switch {
	case usual.MatchString(s):
		s = ungrouped(s, usual)
	case plainAmount.MatchString(s):
		s = strings.Replace(s, ",", ".", 1)
	case other.MatchString(s):
		s = ungrouped(s, other)
	default:
		return money.Decimal{}, fmt.Errorf("%.40q is not an amount", written)
	}
	s = strings.TrimSuffix(s, ".")
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	return money.ParseDecimal(s)
}

// decimalComma tells whether the reader writes a comma before the decimals; the Swiss write a point.
func (w *Words) decimalComma() bool { return strings.HasPrefix(w.decimal(money.Whole(1), 1), "1,") }

// ungrouped is the amount without the marks between its thousands, and with a point before its decimals.
func ungrouped(s string, form *regexp.Regexp) string {
	if form == commaGroups {
		return strings.ReplaceAll(s, ",", "")
	}
	return strings.Replace(strings.ReplaceAll(s, ".", ""), ",", ".", 1)
}
