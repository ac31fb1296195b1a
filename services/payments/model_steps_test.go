package payments

import (
	"cmp"
	"fmt"
)

// modelOptions say which world is explored.
type modelOptions struct {
	hold     bool
	attempts int
	charges  int  // that are made at most
	late     bool // requests may arrive at Stripe long after they were made, and calls may take for ever
	worker   bool // the background worker is at it too, while the request is

	// What is left out on purpose.
	next      func(f file, in *intent) (move, string) // instead of the protocol
	forgetful bool                                    // a cancelled order owes nothing
	careless  bool                                    // orders cancels without regard to the charge that has it
}

func (o modelOptions) String() string {
	return fmt.Sprintf("held first %t, %d charges, worker %t, late requests %t", o.hold, o.charges, o.worker, o.late)
}

// happening is one step, for the account of how something came about.
type happening struct {
	what string
	i    int8
}

// stepper goes through every step that can happen in a world.
type stepper struct {
	modelOptions
	smooth bool // nothing goes wrong between payments and Stripe, and the bank says yes
	visit  func(happening, world)
	ends   map[world]string // what is wrong at the end that a world comes to if all goes well from there
}

func (s *stepper) steps(w world) {
	s.time(w)
	s.orders(w)
	s.pay(w)
	s.stripe(w)
	for i := range w.actors {
		s.act(w, int8(i))
	}
}

func (s *stepper) to(what string, i int8, w world) { s.visit(happening{what, i}, w) }

// time is what clocks do.
func (s *stepper) time(w world) {
	for i := range w.charges {
		if c := &w.charges[i]; c.status == undecided && !c.overdue {
			next := w
			next.charges[i].overdue = true
			s.to("charge is overdue", int8(i+1), next)
		}
	}
	next := w
	switch w.phase {
	case inTime:
		next.phase = expired
		s.to("time to pay is over", 0, next)
	case expired:
		next.phase = waitedEnough
		for i := range next.charges { // all were made in time, and payments gives up earlier than orders
			if c := &next.charges[i]; c.status == undecided {
				c.overdue = true
			}
		}
		if s.late || !w.calling() {
			s.to("orders has waited enough", 0, next)
		}
	}
}

// calling tells whether a request to Stripe is under way.
func (w *world) calling() bool {
	for _, a := range w.actors {
		if a.charge != 0 && a.about != rest {
			return true
		}
	}
	return false
}

// orders is what orders does, and what payments hears of it.
func (s *stepper) orders(w world) {
	for i := range w.charges {
		c := w.charges[i]
		for status := c.told + 1; status <= c.status; status++ {
			if status == undecided || status == c.status {
				next := w
				next.hear(int8(i+1), status, s.attempts)
				s.to("orders hears of a charge", int8(i+1), next)
			}
		}
	}
	for what, rule := range map[string]func(*Claims) bool{
		"buyer cancels": (*Claims).Cancel, "alarm rings": func(c *Claims) bool { return c.Expire(w.now()) },
	} {
		c := w.claims()
		if s.careless && c.live() {
			c.ChargeID = ""
		}
		if rule(&c) {
			next := w
			next.say(c)
			s.to(what, 0, next)
		}
	}
	for v := w.heard + 1; v < w.n; v++ {
		next := w
		next.listen(v, s.forgetful)
		s.to("payments hears of the order", v, next)
	}
}

// pay is the buyer's wish, and its end when Stripe could not be reached.
func (s *stepper) pay(w world) {
	bad, free := 0, int8(0)
	for i := range s.charges {
		switch c := w.charges[i]; {
		case c.status == undecided || c.status == took:
			bad = s.attempts
		case c.status == failed && c.counts:
			bad++
		case c.status == noCharge && free == 0:
			free = int8(i + 1)
		}
		if c := w.charges[i]; c.status == undecided && !c.learnt {
			next := w
			next.charges[i].status = failed
			s.to("charge was not submitted", int8(i+1), next)
		}
	}
	if free != 0 && bad < s.attempts && w.phase == inTime && w.said[w.heard].status == awaiting {
		next := w
		next.charges[free-1].status = undecided
		next.actors[0] = actor{charge: free}
		s.to("buyer pays", free, next)
	}
	if s.worker && w.actors[1].charge == 0 {
		for i := range w.charges {
			if w.charges[i].status == undecided {
				next := w
				next.actors[1] = actor{charge: int8(i + 1)}
				s.to("worker takes the charge", int8(i+1), next)
			}
		}
	}
}

// stripe is what happens there by itself: the bank, the buyer's browser, late requests, and refunds.
func (s *stepper) stripe(w world) {
	for i := range w.charges {
		c, n := w.charges[i], int8(i+1)
		become := func(what string, status intentStatus) {
			next := w
			next.charges[i].intent = status
			s.to(what, n, next)
		}
		if c.intent == inStep {
			become("buyer takes the step", s.paid())
			become("bank refuses after the step", declined)
		}
		if c.intent == declined && c.secret {
			become("browser tries another card", s.paid())
		}
		if c.intent == onHold {
			become("bank lets go of the hold", givenUp)
		}
		for op, late := range c.late {
			if late {
				s.execute(w, n, op, false, func(next world, _ intentStatus) {
					next.charges[i].late[op] = false
					s.to("late request arrives", n, next)
				})
			}
		}
		if c.owed {
			next := w
			next.charges[i].back = true
			s.to("refund, and its answer is lost", n, next)
			next.charges[i].owed = false
			s.to("refund", n, next)
		}
	}
}

// paid is the intent after the bank's yes.
func (s *stepper) paid() intentStatus {
	if s.hold {
		return onHold
	}
	return taken
}

// execute is a request that has arrived at Stripe, once for each thing that the bank may say. The answer is the intent's
// status, or the bank's refusal; a request that does not fit the intent changes nothing and is answered with the status as it
// is, since that is asked for then.
func (s *stepper) execute(w world, charge int8, op int, fresh bool, then func(w world, answer intentStatus)) {
	c := w.charges[charge-1]
	if kept := c.answers[op]; kept != noIntent && !fresh {
		then(w, kept)
		return
	}
	answer := func(status, says intentStatus) {
		next := w
		next.charges[charge-1].intent, next.charges[charge-1].answers[op] = status, says
		then(next, says)
	}
	switch {
	case op == doConfirm && c.intent == toConfirm:
		if answer(s.paid(), s.paid()); !s.smooth {
			answer(inStep, inStep)
			answer(declined, refused)
		}
	case op == doCapture && c.intent == onHold:
		if answer(taken, taken); !s.smooth {
			answer(onHold, refused)
		}
	case op == doCancel && c.intent != taken && c.intent != givenUp:
		answer(givenUp, givenUp)
	default:
		then(w, c.intent)
	}
}

// act is one step of an actor.
func (s *stepper) act(w world, n int8) {
	a := w.actors[n]
	if a.charge == 0 {
		return
	}
	dead := w
	dead.actors[n] = actor{}
	if !s.smooth {
		s.to("gives up", n, dead)
	}
	switch {
	case a.refused, a.about == finish, a.about == drop:
		s.decide(dead, a)
	case a.about == rest:
		s.look(w, n)
	case a.about == create:
		c := &w.charges[a.charge-1]
		if c.status == undecided && !c.learnt {
			c.learnt, c.intent = true, toConfirm
		}
		w.actors[n] = actor{charge: a.charge, seen: toConfirm}
		s.to("intent is made", a.charge, w)
	case a.about == ask:
		w.actors[n] = actor{charge: a.charge, seen: w.charges[a.charge-1].intent}
		s.to("asks Stripe", a.charge, w)
	default:
		s.call(w, dead, n)
	}
}

// look is where an actor asks the protocol what is next.
func (s *stepper) look(w world, n int8) {
	a := w.actors[n]
	c := &w.charges[a.charge-1]
	var in *intent
	if a.seen != noIntent {
		in = &intent{id: "pi", status: stripeStatus[a.seen]}
	}
	a.about = rest
	if c.status == undecided {
		next := s.next
		if next == nil {
			next = file.next
		}
		a.about, _ = next(w.file(a.charge, s.hold), in)
	}
	switch a.about {
	case rest, step:
		c.secret = c.secret || a.about == step
		a = actor{}
	}
	a.knew = c.learnt
	w.actors[n] = a
	s.to("is about to "+cmp.Or(moveNames[a.about], "nothing"), n, w)
}

// decide writes down what an actor has found out; another may have done so before.
func (s *stepper) decide(w world, a actor) {
	c := &w.charges[a.charge-1]
	if c.status == undecided && (a.knew || !c.learnt) {
		if c.status, c.counts = failed, true; a.about == finish {
			c.status, c.counts = took, false
			c.owed = w.said[w.heard].status == cancelled && !s.forgetful
		}
		c.overdue = false
	}
	s.to("decides", a.charge, w)
}

// call is a request to Stripe and everything that can become of it.
func (s *stepper) call(w, dead world, n int8) {
	a := w.actors[n]
	op := operationOf[a.about]
	s.execute(w, a.charge, op, a.renewed, func(next world, answer intentStatus) {
		now := actor{charge: a.charge, seen: answer}
		switch {
		case answer == refused && a.about == confirm:
			now.refused, now.knew = true, true
		case answer == refused: // the bank does not let go of what it holds: it is given up
			now.seen, now.about = onHold, release
		}
		next.actors[n] = now
		s.to(moveNames[a.about], a.charge, next)
		if !s.smooth {
			next.actors[n] = actor{}
			s.to(moveNames[a.about]+", and the answer is lost", a.charge, next)
		}
	})
	if s.late {
		dead.charges[a.charge-1].late[op] = true
		s.to(moveNames[a.about]+" will be late", a.charge, dead)
	}
	if s.smooth || a.renewed {
		return
	}
	if now := w.charges[a.charge-1].intent; now != a.seen { // the key is of no use: Stripe is read, and asked under another
		a.seen, a.about = now, rest
	} else {
		a.renewed = true
	}
	w.actors[n] = a
	s.to("takes a new key", a.charge, w)
}
