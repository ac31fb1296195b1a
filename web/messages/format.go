package messages

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/number"

	"ticketing/kernel/money"
)

const hardSpace = "\u00a0" // never at the end of a line

// Money is an amount with its currency as the reader writes it: "$1,249.50", "1.249,50 €". A currency that ISO 4217 does
// not know is named behind the amount.
func (w *Words) Money(amount money.Decimal, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return w.decimal(amount, 2) + hardSpace + strings.ToUpper(code)
	}
	scale, _ := currency.Standard.Rounding(unit)
	number, symbol := w.decimal(amount, scale), w.printer.Sprint(currency.Symbol(unit))
	sign := ""
	if amount.Sign() < 0 {
		sign, number = "−", strings.TrimPrefix(number, "-")
	}
	if w.symbolBehind() {
		return sign + number + hardSpace + symbol
	}
	if last := symbol[len(symbol)-1]; last >= 'A' && last <= 'Z' || w.Code == "de" {
		symbol += hardSpace
	}
	return sign + symbol + number
}

// symbolBehind tells where the reader writes the currency: Germans behind the amount, Austrians and the Swiss before it.
func (w *Words) symbolBehind() bool {
	region, _ := w.Locale.Region()
	return w.Code == "de" && region != language.MustParseRegion("AT") && region != language.MustParseRegion("CH") &&
		region != language.MustParseRegion("LI")
}

// decimal is the number with at least so many decimals. It never goes through a float.
func (w *Words) decimal(d money.Decimal, decimals int) string {
	whole, fraction, _ := strings.Cut(d.String(), ".")
	fraction += strings.Repeat("0", max(0, decimals-len(fraction)))
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil { // cannot be: a Decimal has digits that an int64 holds
		return d.String()
	}
	text := sign + w.printer.Sprint(number.Decimal(n))
	if fraction == "" {
		return text
	}
	half := w.printer.Sprint(number.Decimal(0.5, number.Scale(1))) // "0.5" or "0,5"
	return text + strings.Trim(half, "05") + fraction
}

// Number is a count as the reader writes it: "12,480".
func (w *Words) Number(n int) string { return w.printer.Sprint(number.Decimal(n)) }

// twelveHours tells whether the reader counts hours from one to twelve.
func (w *Words) twelveHours() bool {
	switch region, _ := w.Locale.Region(); region.String() {
	case "CA", "AU", "NZ", "IN":
		return w.Code == "en"
	}
	return w.Code == "en" && w.american()
}

// Day is the date in the place of t: "14 August 2027", "August 14, 2027", "14. August 2027".
func (w *Words) Day(t time.Time) string {
	month := w.T("month." + strconv.Itoa(int(t.Month())))
	day, year := strconv.Itoa(t.Day()), strconv.Itoa(t.Year())
	switch {
	case w.Code == "de":
		return day + "." + hardSpace + month + " " + year
	case w.american():
		return month + hardSpace + day + ", " + year
	}
	return day + hardSpace + month + " " + year
}

// american tells whether the reader puts the month before the day. So does whoever asks for English of no country, whose
// browser speaks American English.
func (w *Words) american() bool {
	region, _ := w.Locale.Region()
	return w.Locale == language.English || region.String() == "US" || region.String() == "PH"
}

// Date is the day in the place of t: "Sat, 14 August 2027", "Sat, August 14, 2027", "Sa., 14. August 2027".
func (w *Words) Date(t time.Time) string {
	return w.T("weekday."+strconv.Itoa(int(t.Weekday()))) + ", " + w.Day(t)
}

// Clock is the time of day in the place of t: "19:30", "7:30 pm".
func (w *Words) Clock(t time.Time) string {
	if w.twelveHours() {
		return t.Format("3:04") + hardSpace + t.Format("pm")
	}
	return t.Format("15:04")
}

// Zone names the place's time, for readers elsewhere: "CEST", "UTC+3".
func (w *Words) Zone(t time.Time) string {
	name, _ := t.Zone()
	if name == "" || strings.ContainsAny(name[:1], "+-0123456789") {
		return "UTC" + name
	}
	return name
}

// When is day, time of day and zone: "Sat, 14 August 2027, 19:30 CEST".
func (w *Words) When(t time.Time) string {
	return w.T("time.when", w.Date(t), w.Clock(t), w.Zone(t))
}
