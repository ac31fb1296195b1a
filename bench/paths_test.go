package bench

import "testing"

// path is what somebody does, or several things that need the same market, with what must hold and what the bare engines
// can do.
type path struct {
	name  string
	tasks func(tb testing.TB) []task
	limit func(tb testing.TB) work // nil: there is nothing to compare with
	many  int                      // of the limit
}

// task is one thing that is measured.
type task struct {
	name  string
	count int
	do    work
	lines []line
}

// line is one figure of the table. Of a rate more is better, of anything else less.
type line struct {
	unit        string
	floor, goal float64 // 0: none
}

func rate(floor, goal float64) line { return line{"/s", floor, goal} }

// empty is what is done on the shipped engines when they have nothing to keep yet.
func empty(count int, do func(*house, testing.TB, int) sample, lines ...line) func(tb testing.TB) []task {
	return func(tb testing.TB) []task {
		h := newHouse(tb, embedded)
		return []task{{"", count, func(tb testing.TB, n int) sample { return do(h, tb, n) }, lines}}
	}
}

// paths are those of the shipped engines, in the order of the table.
var paths = []path{
	{"lock", empty(4000, (*house).lock, rate(2500, 5000), line{"p50-ms", 0, 13}, line{"p99-ms", 80, 40}), sagas(lockSteps, crowd), 8000},
	{"lock, one buyer", empty(400, (*house).lockAlone, line{"p50-ms", 4, 1.5}), sagas(lockSteps, 1), 500},
	{"purchase", empty(2000, (*house).purchase, rate(800, 1500)), sagas(purchaseSteps, crowd), 4000},
	{"flash sale, attempts", empty(100, (*house).flashSale, rate(6000, 12000), line{"max-ms", 300, 0}), answers("ticket"), 10000},
	{"browse, 1,000 listed", browsing(smallMarket), answers("list"), 10000},
	{"browse, 1,000,000 listed", browsing(largeMarket), answers("list"), 10000},
	{"one ticket", func(tb testing.TB) []task {
		return []task{{"", 10000, newHouse(tb, embedded).readingTickets(tb), []line{rate(12000, 20000)}}}
	}, answers("ticket"), 10000},
	{"market page", func(tb testing.TB) []task {
		h := newHouse(tb, embedded)
		h.list(tb, small)
		return []task{{"", 3000, h.reading("/"), []line{rate(3000, 8000)}}}
	}, answers("page"), 10000},
	{"list a ticket", empty(4000, (*house).listing, rate(5000, 10000)), func(testing.TB) work { return bareLists }, 10000},
	{"event to a follower", func(tb testing.TB) []task {
		return []task{{"", 2000, newHouse(tb, embedded).follow, []line{{"p50-ms", 5, 2}, {"p99-ms", 25, 10}}}}
	}, sagas(lockSteps[:2], 1), 500},
	{"event to a follower elsewhere", func(tb testing.TB) []task {
		return []task{{"", 1000, newFollower(tb).follow, []line{{"p50-ms", 0, 0}, {"p99-ms", 0, 0}}}}
	}, sagas(lockSteps[:2], 1), 500},
	{"a lock's end, 1,000,000 pending", func(testing.TB) []task {
		return []task{{"", 5 * endsSecond, lockEnds, []line{{"max-ms", 500, 150}}}}
	}, nil, 0},
	{name: "empty market", tasks: func(tb testing.TB) []task {
		h := opens[0].open(tb)
		return []task{{"memory", 1, h.memory, []line{{"MB", 150, 80}}}, {"start", 1, h.starts, []line{{"p50-ms", 1000, 300}}}}
	}},
	{name: "1,000,000 locked", tasks: func(tb testing.TB) []task {
		h := opens[1].open(tb)
		return []task{{"memory", 1, h.memory, []line{{"MB", 400, 250}, {"busy-MB", 400, 250}}},
			{"start", 1, h.starts, []line{{"p50-ms", 5000, 2000}}}}
	}},
	{name: "purchase after 1,000,000 sales", tasks: func(tb testing.TB) []task {
		h := openSeed(tb, soldSeed)
		return []task{{"", 1000, h.purchase, []line{rate(0, 0)}}}
	}},
}

// shared are the paths that are measured on every engine, each beside the first.
var shared = []struct {
	name  string
	count int
	do    func(*house, testing.TB, int) sample
	unit  string
}{
	{"lock", 2000, (*house).lock, "/s"},
	{"lock, one buyer", 200, (*house).lockAlone, "p50-ms"},
	{"purchase", 1000, (*house).purchase, "/s"},
	{"flash sale, attempts", 50, (*house).flashSale, "/s"},
	{"list a ticket", 2000, (*house).listing, "/s"},
	{"browse", 3000, func(h *house, tb testing.TB, n int) sample { return h.reading("/api/tickets")(tb, n) }, "/s"},
	{"one ticket", 3000, func(h *house, tb testing.TB, n int) sample { return h.readingTickets(tb)(tb, n) }, "/s"},
	{"market page", 1000, func(h *house, tb testing.TB, n int) sample { return h.reading("/")(tb, n) }, "/s"},
}

func sagas(steps []string, people int) func(tb testing.TB) work {
	return func(tb testing.TB) work { return bareSagas(tb, steps, people) }
}

func answers(size string) func(tb testing.TB) work {
	return func(tb testing.TB) work {
		for _, s := range answerSizes {
			if s.name == size {
				return bareAnswers(tb, s.bytes)
			}
		}
		tb.Fatalf("no answer is called %s", size)
		return nil
	}
}

// browsing is every list of a market. What must hold of the newest must hold by half of the others.
func browsing(open func(tb testing.TB) (*house, string)) func(tb testing.TB) []task {
	return func(tb testing.TB) (all []task) {
		h, seller := open(tb)
		for _, l := range lists {
			must := rate(10000, 20000)
			if l.name != "newest" {
				must = rate(5000, 18000)
			}
			all = append(all, task{l.name, browses, h.reading(listPath(l.query, seller)), []line{must}})
		}
		return all
	}
}
