package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// remarks are what some sellers add about any ticket, seated those about a seat.
var (
	remarks = []string{
		"I cannot go after all.", "E-ticket, sent as a PDF.", "Paper ticket, sent by registered post.", "Bought in the presale.",
		"Reduced price, bring your student card.", "Mobile ticket, transferred in the venue's app.", "Original price.",
	}
	seated = []string{
		"The seat next to it is for sale too.", "Aisle seat.", "Clear view.", "Slightly restricted view, hence the price.",
	}
)

// seat draws where one sits, in the words of that kind of place. Standing tickets have their number.
func seat(r *rand.Rand, seating string) string {
	letter := func(n int) string { return string(rune('A' + r.IntN(n))) }
	row, place := 1+r.IntN(28), 1+r.IntN(34)
	switch seating {
	case "stadium":
		return fmt.Sprintf("Block %d, row %d, seat %d", 101+r.IntN(40), row, place)
	case "arena":
		if r.IntN(4) == 0 {
			return fmt.Sprintf("Standing, entrance %s, ticket no. %05d", letter(6), r.IntN(100000))
		}
		return fmt.Sprintf("Block %d, row %d, seat %d", 201+r.IntN(24), row, place)
	case "hall":
		part := []string{"Stalls", "Stalls", "First tier", "Second tier", "Gallery"}[r.IntN(5)]
		return fmt.Sprintf("%s, row %d, seat %d", part, 1+r.IntN(20), place)
	case "theatre":
		part := []string{"Stalls", "Stalls", "Dress circle", "Upper circle"}[r.IntN(4)]
		return fmt.Sprintf("%s, row %s, seat %d", part, letter(16), place)
	}
	return fmt.Sprintf("General admission, standing, ticket no. %05d", r.IntN(100000))
}

// details is a seat and, now and then, a remark.
func details(r *rand.Rand, seating string) string {
	text := seat(r, seating)
	fitting := remarks
	if strings.Contains(text, "seat") {
		fitting = slices.Concat(remarks, seated)
	}
	if remark := r.IntN(3 * len(fitting)); remark < len(fitting) {
		text += ". " + fitting[remark]
	}
	return text
}
