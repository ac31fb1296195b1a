package payments

import (
	"fmt"
	"strings"
)

// explore visits every world that can come about, each once, and returns how many there are. It ends at the first in which
// something is wrong, and says how it came about.
func explore(o modelOptions) (states int, wrong string) {
	type origin struct {
		from int32
		by   happening
	}
	start := world{n: 1}
	known, worlds, origins := map[world]int32{start: 0}, []world{start}, []origin{{}}
	at, found := 0, int32(-1)
	s := &stepper{modelOptions: o, ends: map[world]string{}}
	s.visit = func(by happening, next world) {
		if found >= 0 {
			return
		}
		if _, ok := known[next]; ok {
			return
		}
		known[next] = int32(len(worlds))
		worlds, origins = append(worlds, next), append(origins, origin{int32(at), by})
		if wrong = s.check(worlds[at], next); wrong != "" {
			found = int32(len(worlds) - 1)
		}
	}
	for at < len(worlds) && found < 0 {
		s.steps(worlds[at])
		at++
	}
	if found < 0 {
		return len(worlds), ""
	}
	var story []string
	for i := found; i > 0; i = origins[i].from {
		story = append([]string{fmt.Sprintf("%s (%d)", origins[i].by.what, origins[i].by.i)}, story...)
	}
	return len(worlds), wrong + ":\n  " + strings.Join(story, "\n  ")
}

// check says what is wrong with a world that has come about.
func (s *stepper) check(before, w world) string {
	takenNow := 0
	for i := range w.charges {
		c, was := w.charges[i], before.charges[i]
		if c.intent == taken {
			takenNow++
		}
		if moved := c.intent == taken && was.intent != taken && was.intent != inStep && was.intent != declined; moved && !s.late {
			if o := w.order(); o.status != awaiting || o.charge != int8(i+1) {
				return fmt.Sprintf("charge %d takes money, and the order is not its own", i+1)
			}
		}
		switch {
		case c.status == took && c.intent != taken:
			return fmt.Sprintf("charge %d is said to be completed, and no money was taken", i+1)
		case c.status == failed && c.intent == taken:
			return fmt.Sprintf("charge %d is said to have failed, and money was taken", i+1)
		case c.back && w.order().status == completed:
			return fmt.Sprintf("charge %d is given back though the order is completed", i+1)
		}
	}
	if takenNow > 1 {
		return "money is taken twice"
	}
	w.actors = [2]actor{} // whoever is at work may die, and all must come to rest without them
	wrong, ok := s.ends[w]
	if !ok {
		wrong = s.end(w)
		s.ends[w] = wrong
	}
	return wrong
}

// atRest says what is wrong with the money when nothing is going to happen any more.
func (w *world) atRest() string {
	kept, payer := 0, int8(0)
	for i := range w.charges {
		switch c := w.charges[i]; {
		case c.status == undecided:
			return fmt.Sprintf("at rest: charge %d is not decided", i+1)
		case c.owed:
			return fmt.Sprintf("at rest: charge %d is owed back", i+1)
		case c.intent == onHold, c.intent == inStep, c.learnt && c.intent == toConfirm:
			return fmt.Sprintf("at rest: charge %d could still be taken", i+1)
		case c.intent == declined && c.secret:
			return fmt.Sprintf("at rest: the browser could pay charge %d with another card", i+1)
		case c.intent == taken && !c.back:
			kept, payer = kept+1, int8(i+1)
		}
	}
	switch o := w.order(); {
	case o.status == awaiting:
		return "at rest: the order is not decided"
	case o.status == cancelled && kept > 0:
		return "at rest: money is kept for a cancelled order"
	case o.status == completed && (kept != 1 || payer != o.charge):
		return "at rest: the order is completed, and its charge is not paid"
	}
	return ""
}

// end lets everything come to its end without further mishaps, and says what is wrong there.
func (s *stepper) end(w world) string {
	for range 40 {
		before := w
		for i := range w.charges {
			n := int8(i + 1)
			for op, late := range w.charges[i].late {
				if late {
					w.charges[i].late[op] = false
					w = s.smoothly(func(s *stepper) {
						s.execute(w, n, op, false, func(next world, _ intentStatus) { s.to("", n, next) })
					})
				}
			}
			if c := w.charges[i]; c.told != c.status {
				w.hear(n, c.status, s.attempts)
			}
		}
		if w.heard != w.n-1 {
			w.listen(w.n-1, s.forgetful)
		}
		for i := range w.charges {
			w = s.work(w, int8(i+1))
		}
		if w == before && !w.pass() {
			return w.atRest()
		}
	}
	return "it never comes to rest"
}

// pass lets time pass until something is over.
func (w *world) pass() bool {
	for i := range w.charges {
		if c := &w.charges[i]; c.status == undecided && !c.overdue {
			c.overdue = true
			return true
		}
	}
	if c := w.claims(); c.live() {
		if w.phase < waitedEnough {
			w.phase++
		}
		if c.Expire(w.now()) {
			w.say(c)
		}
		return true
	}
	return false
}

// work is what the worker does about a charge.
func (s *stepper) work(w world, charge int8) world {
	c := &w.charges[charge-1]
	if c.owed {
		c.back, c.owed = true, false
	}
	if c.status == undecided {
		w.actors[1] = actor{charge: charge}
	}
	for range 20 {
		if w.actors[1].charge != 0 {
			w = s.smoothly(func(s *stepper) { s.act(w, 1) })
		}
	}
	w.actors[1] = actor{} // it changes nothing
	return w
}

// smoothly is the world after a step in which all goes well.
func (s *stepper) smoothly(step func(s *stepper)) (next world) {
	smooth := &stepper{modelOptions: s.modelOptions, smooth: true, visit: func(_ happening, to world) { next = to }}
	smooth.late = false
	step(smooth)
	return next
}
