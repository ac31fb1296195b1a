package tickets

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

var noon = time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)

func TestStatusFollowsFromWhoHoldsTheTicket(t *testing.T) {
	held := Ticket{UserID: "seller", OrderID: "o", LockedUntil: noon.Add(15 * time.Minute)}
	sold, gone := held, Ticket{UserID: "seller", WithdrawnAt: noon}
	sold.SoldAt = noon
	mine := func(int64) error { return nil }
	moved := func(int64) error { return fault.VersionMoved.New("It is another version.") }
	for _, c := range []struct {
		ticket   Ticket
		status   string
		seller   string // the code of what the seller gets who changes it; "" if they may
		whyNot   string
		whyLater string // the same once the event has begun
	}{
		{Ticket{UserID: "seller"}, event.Available, "", event.RejectedChanged, event.RejectedUnavailable},
		{held, event.Locked, "ticket_locked", event.RejectedUnavailable, event.RejectedUnavailable},
		{sold, event.Sold, "ticket_sold", event.RejectedUnavailable, event.RejectedUnavailable},
		{gone, event.Withdrawn, "ticket_withdrawn", event.RejectedUnavailable, event.RejectedUnavailable},
	} {
		if got := c.ticket.Status(); got != c.status {
			t.Errorf("%s is %s", c.status, got)
		}
		err := c.ticket.ChangeBy("seller", mine)
		if c.seller == "" && err != nil || c.seller != "" && (err == nil || fault.From(err).Code.Name != c.seller) {
			t.Errorf("%s, changed by its seller: %v, want %q", c.status, err, c.seller)
		}
		if err := c.ticket.ChangeBy("other", moved); !fault.Is(err, fault.NotSeller) {
			t.Errorf("%s, changed by somebody else: %v", c.status, err)
		}
		if err := c.ticket.ChangeBy("seller", moved); fault.Is(err, fault.VersionMoved) == (c.status == event.Withdrawn) {
			t.Errorf("%s, changed by a seller who saw another version: %v", c.status, err)
		}
		if got := c.ticket.WhyNotLocked(noon); got != c.whyNot {
			t.Errorf("%s cannot be locked: %s", c.status, got)
		}
		c.ticket.StartsAt = noon.Add(time.Millisecond)
		if got := c.ticket.WhyNotLocked(noon); got != c.whyNot {
			t.Errorf("%s cannot be locked before its event: %s", c.status, got)
		}
		c.ticket.StartsAt = noon
		if got := c.ticket.WhyNotLocked(noon); got != c.whyLater {
			t.Errorf("%s cannot be locked when its event begins: %s", c.status, got)
		}
	}
	if err := held.ChangeBy("seller", mine); !strings.Contains(err.Error(), "12:15:00 UTC") {
		t.Errorf("the seller does not read until when: %v", err)
	}
}

func TestListingCheck(t *testing.T) {
	usd := money.Currency{Code: "usd", Decimals: 2}
	for name, c := range map[string]struct {
		change func(l *Listing)
		price  string
		wrong  []string
	}{
		"plain":               {func(*Listing) {}, "19.99", nil},
		"no title":            {func(l *Listing) { l.Title = "" }, "1", []string{"title"}},
		"blank title":         {func(l *Listing) { l.Title = " \t\n " }, "1", []string{"title"}},
		"longest title":       {func(l *Listing) { l.Title = strings.Repeat("ü", 200) }, "1", nil},
		"padded title":        {func(l *Listing) { l.Title = " " + strings.Repeat("x", 200) + " " }, "1", nil},
		"long title":          {func(l *Listing) { l.Title = strings.Repeat("ü", 201) }, "1", []string{"title"}},
		"longest texts":       {func(l *Listing) { l.Venue, l.Details = strings.Repeat("é", 500), strings.Repeat("é", 500) }, "1", nil},
		"long texts":          {func(l *Listing) { l.Venue, l.Details = strings.Repeat("é", 501), strings.Repeat("é", 501) }, "1", []string{"details", "venue"}},
		"line break in title": {func(l *Listing) { l.Title = "a\nb" }, "1", []string{"title"}},
		"line break in venue": {func(l *Listing) { l.Venue = "a\nb" }, "1", []string{"venue"}},
		"bell in both":        {func(l *Listing) { l.Title, l.Venue = "a\a", "\ab" }, "1", []string{"title", "venue"}},
		"lines in details":    {func(l *Listing) { l.Details = "row 4\nseat 12\tleft" }, "1", nil},
		"cheapest":            {func(*Listing) {}, "0.01", nil},
		"free":                {func(*Listing) {}, "0", []string{"price"}},
		"paid to be taken":    {func(*Listing) {}, "-1", []string{"price"}},
		"dearest":             {func(*Listing) {}, "1000000", nil},
		"a cent too dear":     {func(*Listing) {}, "1000000.01", []string{"price"}},
		"beyond all range":    {func(*Listing) {}, "999999999999999999", []string{"price"}},
		"half a cent":         {func(*Listing) {}, "19.995", []string{"price"}},
		"begins now":          {func(l *Listing) { l.StartsAt = noon }, "1", []string{"startsAt"}},
		"begins in a moment":  {func(l *Listing) { l.StartsAt = noon.Add(time.Millisecond) }, "1", nil},
		"last day":            {func(l *Listing) { l.StartsAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }, "1", nil},
		"after the last day":  {func(l *Listing) { l.StartsAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "1", []string{"startsAt"}},
		"a zone":              {func(l *Listing) { l.TimeZone = "America/Argentina/Buenos_Aires" }, "1", nil},
		"everybody's zone":    {func(l *Listing) { l.TimeZone = "UTC" }, "1", nil},
		"a zone with a sign":  {func(l *Listing) { l.TimeZone = "Etc/GMT+3" }, "1", nil},
		"no such zone":        {func(l *Listing) { l.TimeZone = "Europe/Berlni" }, "1", []string{"timeZone"}},
		"a padded zone":       {func(l *Listing) { l.TimeZone = " Europe/Berlin" }, "1", []string{"timeZone"}},
		"the machine's zone":  {func(l *Listing) { l.TimeZone = "Local" }, "1", []string{"timeZone"}},
		"its file":            {func(l *Listing) { l.TimeZone = "localtime" }, "1", []string{"timeZone"}},
		"leap seconds":        {func(l *Listing) { l.TimeZone = "right/Europe/Berlin" }, "1", []string{"timeZone"}},
		"a way out":           {func(l *Listing) { l.TimeZone = "Europe/../Europe/Berlin" }, "1", []string{"timeZone"}},
		"a long zone":         {func(l *Listing) { l.TimeZone = "Europe/" + strings.Repeat("x", 58) }, "1", []string{"timeZone"}},
		"all of it": {func(l *Listing) { *l = Listing{Venue: strings.Repeat("x", 501), StartsAt: noon, TimeZone: "x"} }, "0",
			[]string{"price", "startsAt", "timeZone", "title", "venue"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := Listing{Title: " Tom Waits ", Venue: " Tempodrom "}
			c.change(&l)
			price, err := money.ParseDecimal(c.price)
			if err != nil {
				t.Fatal(err)
			}
			var wrong []string
			for _, f := range l.check(price, usd, noon) {
				wrong = append(wrong, f.Name)
			}
			if slices.Sort(wrong); !slices.Equal(wrong, c.wrong) {
				t.Errorf("wrong: %v, want %v", wrong, c.wrong)
			}
		})
	}
	l := Listing{Title: " Tom Waits ", Venue: "\tTempodrom ", Details: " Row 4\n"}
	price, _ := money.ParseDecimal("19.9")
	if p := l.check(price, usd, noon); len(p) != 0 || l != (Listing{Title: "Tom Waits", Price: 1990, Currency: "usd", Venue: "Tempodrom", Details: "Row 4"}) {
		t.Errorf("the listing became %+v, %v", l, p)
	}
}

func TestPricesInOtherCurrencies(t *testing.T) {
	for _, c := range []struct {
		code     string
		decimals int
		price    string
		amount   money.Amount // 0: refused
	}{
		{"jpy", 0, "500", 500}, {"jpy", 0, "0.5", 0}, {"jpy", 0, "1000000", 1_000_000}, {"jpy", 0, "1000001", 0},
		{"kwd", 3, "1.234", 1234}, {"kwd", 3, "1.2345", 0}, {"kwd", 3, "1000000", 1_000_000_000}, {"kwd", 3, "1000000.001", 0},
	} {
		l := Listing{Title: "x"}
		price, _ := money.ParseDecimal(c.price)
		p := l.check(price, money.Currency{Code: c.code, Decimals: c.decimals}, noon)
		if refused := len(p) > 0; refused != (c.amount == 0) || !refused && l.Price != c.amount {
			t.Errorf("%s %s is %d, %v", c.price, c.code, l.Price, p)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		" \t\n":                         "",
		"Tom WAITS":                     "tom waits",
		"Tom-Waits, (live)!":            "tom waits live",
		"Café Zürich Ångström":          "cafe zurich angstrom",
		"Cafe\u0301":                    "cafe",
		"ＦＵＬＬ　ｗｉｄｔｈ":                    "full width",
		"ﬁnale №5 x² ½":                 "finale no5 x2 1 2",
		"Ελλάδα":                        "ελλαδα",
		"Москва́ Й":                     "москва и",
		"東京ドーム":                         "東京トーム", // the sound mark goes
		"AC/DC @ O₂":                    "ac dc o2",
		"it's":                          "it s",
		`" * NEAR( ' OR 1=1; -- &|!:<>`: "near or 1 1",
		"٣ apples":                      "٣ apples",
		"a\x00b":                        "a b",
		"🎸 rock 🎸":                      "rock",
		"Straße İstanbul ılık":          "straße istanbul ilik",
		"ΕΛΛΑΣ ελλάς":                   "ελλασ ελλασ",
	} {
		if got := strings.Join(words(in), " "); got != want {
			t.Errorf("words(%q) = %q, want %q", in, got, want)
		}
	}
}

// What is folded once is not changed by folding it again: the words of a query and those of a ticket meet.
func TestWordsAreFoldedForGood(t *testing.T) {
	for r := rune(1); r < 0x20000; r++ {
		once := strings.Join(words(string(r)), " ")
		if again := strings.Join(words(once), " "); again != once {
			t.Errorf("%U becomes %q, and then %q", r, once, again)
		}
	}
}
