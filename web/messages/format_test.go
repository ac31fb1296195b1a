package messages_test

import (
	"strings"
	"testing"
	"time"

	"ticketing/kernel/money"
	"ticketing/web/messages"
)

func TestLanguageIsTheReaders(t *testing.T) {
	for _, c := range []struct{ chosen, accepts, code, locale string }{
		{"", "", "en", "en"},
		{"", "de", "de", "de"},
		{"", "de-AT,de;q=0.9,en;q=0.8", "de", "de-AT"},
		{"", "en-GB,en;q=0.9,de;q=0.8", "en", "en-GB"},
		{"", "fr-FR,de;q=0.5", "de", "de"},
		{"", "fr-FR", "en", "en"},
		{"", "de-Latn-CH-1996-u-nu-latn", "de", "de-CH"},
		{"", "nonsense;;;", "en", "en"},
		{"de", "en-US,en;q=0.9", "de", "de"},
		{"en", "de-CH,en-AU;q=0.5", "en", "en-AU"},
		{"xx", "de", "de", "de"},
	} {
		if w := messages.Choose(c.chosen, c.accepts); w.Code != c.code || w.Locale.String() != c.locale {
			t.Errorf("%q with %q: %s, %s", c.chosen, c.accepts, w.Code, w.Locale)
		}
	}
}

func TestMoneyIsWrittenAsReadersDo(t *testing.T) {
	for _, c := range []struct{ accepts, amount, currency, want string }{
		{"en-US", "1249.5", "usd", "$1,249.50"},
		{"en-GB", "1249.5", "gbp", "£1,249.50"},
		{"en-GB", "95", "usd", "US$95.00"},
		{"en-US", "19.9", "chf", "CHF 19.90"},
		{"en-US", "5000", "jpy", "¥5,000"},
		{"en-US", "1.005", "kwd", "KWD 1.005"},
		{"en-US", "-3", "usd", "−$3.00"},
		{"en-US", "0.05", "usd", "$0.05"},
		{"de-DE", "1249.5", "eur", "1.249,50 €"},
		{"de-DE", "1000000", "usd", "1.000.000,00 $"},
		{"de-AT", "49.9", "eur", "€ 49,90"},
		{"de-DE", "-0.5", "eur", "−0,50 €"},
		{"de", "7", "zzz", "7,00 ZZZ"},
		{"en", "999999999999999.99", "usd", "$999,999,999,999,999.99"},
	} {
		amount, err := money.ParseDecimal(c.amount)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(messages.Choose("", c.accepts).Money(amount, c.currency), "\u00a0", " ")
		if got != c.want {
			t.Errorf("%s %s for %s: %q, want %q", c.amount, c.currency, c.accepts, got, c.want)
		}
	}
}

func TestTimesAreWrittenAsReadersDo(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2027, 8, 14, 17, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		accepts string
		at      time.Time
		want    string
	}{
		{"en-US", at, "Sat, August 14, 2027, 5:05 pm UTC"},
		{"en", at.In(berlin), "Sat, August 14, 2027, 7:05 pm CEST"},
		{"en-GB", at.In(berlin), "Sat, 14 August 2027, 19:05 CEST"},
		{"en-AU", at, "Sat, 14 August 2027, 5:05 pm UTC"},
		{"de-DE", at.In(berlin), "Sa., 14. August 2027, 19:05 Uhr (CEST)"},
		{"de-DE", at.In(time.FixedZone("+03", 3*3600)), "Sa., 14. August 2027, 20:05 Uhr (UTC+03)"},
	} {
		if got := strings.ReplaceAll(messages.Choose("", c.accepts).When(c.at), "\u00a0", " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.accepts, got, c.want)
		}
	}
}

func TestNumbersChooseTheForm(t *testing.T) {
	en, de := messages.Choose("en", ""), messages.Choose("de", "")
	for _, c := range []struct {
		words *messages.Words
		n     int
		want  string
	}{
		{en, 1, "One thing needs your attention"}, {en, 2, "2 things need your attention"}, {en, 1200, "1,200 things need your attention"},
		{de, 1, "Bitte sieh dir eine Sache noch einmal an"}, {de, 1200, "Bitte sieh dir 1.200 Dinge noch einmal an"},
	} {
		if got := c.words.T("form.wrong", c.n); got != c.want {
			t.Errorf("%s, %d: %q", c.words.Code, c.n, got)
		}
	}
	if got := en.Number(12480); got != "12,480" {
		t.Errorf("12480 is %q", got)
	}
	if got := en.T("no.such.key", 1); got != "no.such.key" {
		t.Errorf("an unknown key is %q", got)
	}
}

func TestSentencesOfTheAPIAreTranslated(t *testing.T) {
	de := messages.Choose("de", "")
	for english, want := range map[string]string{
		"Email is required.":                                                "Bitte fülle dieses Feld aus.",
		"A password must have at least 8 characters.":                       "Ein Passwort braucht mindestens 8 Zeichen.",
		"A price in USD has at most 2 decimals.":                            "Ein Preis in USD hat höchstens 2 Nachkommastellen.",
		"Password must have at least 8 characters.":                         "Das muss mindestens 8 Zeichen haben.",
		"The card has expired. Nothing was charged.":                        "Die Karte ist abgelaufen. Es wurde nichts abgebucht.",
		"Someone else is paying for this ticket until 12:15:00 UTC.":        "Jemand anderes bezahlt dieses Ticket gerade, bis 12:15:00 UTC.",
		"Something that no service says.":                                   "Something that no service says.",
		"Sort must be one of new, price, -price, date.":                     "Das muss eines von diesen sein: new, price, -price, date.",
		"The title may have at most 200 characters.":                        "Der Titel darf höchstens 200 Zeichen haben.",
		"A part of the market does not answer right now. Please try again.": "Ein Teil des Marktes antwortet gerade nicht. Bitte versuche es noch einmal.",
	} {
		if got := de.Said(english); got != want {
			t.Errorf("%q: %q", english, got)
		}
		if got := messages.Choose("en", "").Said(english); got != english {
			t.Errorf("%q in English: %q", english, got)
		}
	}
}
