package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // local evenings, also on a machine that has no time zones
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed data/*.txt
var files embed.FS

// catalogue is what the plan draws from: facts about the world.
type catalogue struct {
	shows  []show
	venues map[string]venue
	people []Person
}

// show is something that people go to.
type show struct {
	sort   string
	title  string
	prices []int // those that tickets for it are offered at, in hundredths
	venues []venue
}

// venue is where it takes place.
type venue struct {
	name    string // with its city
	zone    *time.Location
	seating string
}

func readCatalogue() (*catalogue, error) {
	c := &catalogue{venues: map[string]venue{}}
	for name, read := range map[string]func([]string) error{"venues": c.readVenue, "people": c.readPerson} {
		if err := eachLine(name, read); err != nil {
			return nil, err
		}
	}
	return c, eachLine("shows", c.readShow)
}

// eachLine reads the fields of the lines that are no comments.
func eachLine(name string, read func(fields []string) error) error {
	text, err := fs.ReadFile(files, "data/"+name+".txt")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, " | ")
		if err := read(fields); err != nil {
			return fmt.Errorf("%s.txt: %q: %w", name, line, err)
		}
	}
	return nil
}

func (c *catalogue) readVenue(f []string) error {
	if len(f) != 4 {
		return fmt.Errorf("%d fields, not 4", len(f))
	}
	zone, err := time.LoadLocation(f[2])
	c.venues[f[0]] = venue{name: f[0] + ", " + f[1], zone: zone, seating: f[3]}
	return err
}

func (c *catalogue) readPerson(f []string) error {
	c.people = append(c.people, Person{Name: f[0], Email: emailOf(f[0])})
	return nil
}

func (c *catalogue) readShow(f []string) error {
	if len(f) != 4 {
		return fmt.Errorf("%d fields, not 4", len(f))
	}
	if _, ok := timetables[f[0]]; !ok {
		return fmt.Errorf("there are no times for %s", f[0])
	}
	from, to, _ := strings.Cut(f[2], " ")
	s := show{sort: f[0], title: f[1]}
	for _, p := range steps {
		if p >= hundredths(from) && p <= hundredths(to) {
			s.prices = append(s.prices, p)
		}
	}
	if len(s.prices) == 0 {
		return fmt.Errorf("no price is between %s and %s", from, to)
	}
	for name := range strings.SplitSeq(f[3], "; ") {
		v, ok := c.venues[name]
		if !ok {
			return fmt.Errorf("there is no venue %s", name)
		}
		s.venues = append(s.venues, v)
	}
	c.shows = append(c.shows, s)
	return nil
}

// hundredths of a number of the data files: 39.90 is 3990. Nonsense is 0, which leaves a show without prices.
func hundredths(s string) int {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(whole + (fraction + "00")[:2])
	if err != nil {
		return 0
	}
	return n
}

// emailOf is mara.lindqvist@example.com, a domain that nobody has.
func emailOf(name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '.'
		case unicode.IsLetter(r) && r < unicode.MaxASCII:
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKD.String(name))
	return plain + "@example.com"
}
