package bench

import (
	"fmt"
	"time"
)

// What is sold. The words are as common in the lists as they are in life: a few acts and towns have many tickets each.
var (
	acts = []string{"Tom Waits", "Nina Simone", "Kraftwerk", "Bjork", "Radiohead", "Miles Davis", "Patti Smith", "Einsturzende Neubauten",
		"Aretha Franklin", "Portishead", "Fela Kuti", "Leonard Cohen", "Massive Attack", "PJ Harvey", "Sigur Ros", "Talking Heads"}
	houses = []string{"Tempodrom, Berlin", "Royal Albert Hall, London", "Paradiso, Amsterdam", "Olympia, Paris", "Elbphilharmonie, Hamburg",
		"Konzerthaus, Wien", "Fox Theater, Oakland", "Ryman Auditorium, Nashville", "Teatro Real, Madrid", "Vega, Copenhagen", "Forum, Melbourne"}
	opening = time.Date(2040, 5, 1, 19, 30, 0, 0, time.UTC)
)

// goods is the nth ticket: title, venue, details, price in cents and begin.
func goods(n int) (title, venue, details string, cents int64, starts time.Time) {
	return acts[n%len(acts)], houses[n/3%len(houses)], fmt.Sprintf("Block %c, row %d, seat %d", 'A'+n%20, 1+n/20%40, 1+n%97),
		int64(1000 + n*7919%20000), opening.Add(time.Duration(n%3000) * time.Hour)
}

// listing is the request that lists the nth ticket.
func listing(n int) string {
	title, venue, details, cents, starts := goods(n)
	return fmt.Sprintf(`{"title":%q,"price":%d.%02d,"venue":%q,"startsAt":%q,"details":%q}`,
		title, cents/100, cents%100, venue, starts.Format(time.RFC3339), details)
}
