package demo

import (
	"math/rand/v2"
	"slices"
	"time"
)

// timetable says when things of a sort begin, by the clock of the place.
type timetable struct {
	days  []time.Weekday
	hours []clock
}

type clock struct{ hour, minute int }

var (
	everyDay  = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	notMonday = everyDay[1:]
	weekend   = []time.Weekday{time.Saturday, time.Sunday}
	nights    = []time.Weekday{time.Friday, time.Saturday}
)

var timetables = map[string]timetable{
	"concert":    {everyDay, []clock{{19, 0}, {19, 30}, {20, 0}, {20, 0}}},
	"club":       {nights, []clock{{22, 0}, {23, 0}}},
	"classical":  {notMonday, []clock{{19, 30}, {20, 0}}},
	"opera":      {notMonday, []clock{{18, 0}, {19, 0}, {19, 30}}},
	"ballet":     {notMonday, []clock{{19, 0}, {19, 30}}},
	"theatre":    {notMonday, []clock{{19, 30}, {20, 0}}},
	"musical":    {notMonday, []clock{{19, 0}, {19, 30}}},
	"comedy":     {everyDay[2:], []clock{{19, 30}, {20, 0}}},
	"football":   {weekend, []clock{{15, 30}, {17, 30}, {18, 30}}},
	"basketball": {everyDay[1:], []clock{{19, 0}, {19, 30}}},
	"hockey":     {[]time.Weekday{time.Tuesday, time.Friday, time.Sunday}, []clock{{16, 30}, {19, 0}, {19, 30}}},
	"baseball":   {everyDay[3:], []clock{{13, 20}, {19, 5}}},
	"handball":   {weekend, []clock{{15, 0}, {18, 0}}},
}

// soonest and latest bound how many days away an event is.
const soonest, latest = 4, 320

// begin draws when a show of that sort takes place. The draws do not depend on the day on which they are made, so that
// everything that is drawn later is the same another day.
func begin(r *rand.Rand, sort string, zone *time.Location, now time.Time) time.Time {
	table := timetables[sort]
	share := r.Float64()
	away := soonest + int(share*share*(latest-soonest)) // more of them are soon
	at := table.hours[r.IntN(len(table.hours))]
	today := now.In(zone)
	for {
		day := time.Date(today.Year(), today.Month(), today.Day()+away, at.hour, at.minute, 0, 0, zone)
		if slices.Contains(table.days, day.Weekday()) {
			return day
		}
		away++
	}
}
