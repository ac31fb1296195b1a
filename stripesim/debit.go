package stripesim

// debit asks a bank to collect the money. It says what came of that later, so that the intent is processing until then.
func (c *call) debit(in *intent, with *method) (object, error) {
	ch, err := c.attempt(in, with, pending)
	if err != nil {
		return nil, err
	}
	in.status = processing
	o, err := c.record(in, ch, true, "charge.pending", "payment_intent.processing")
	if err != nil || with.card.lingers {
		return o, err
	}
	return o, c.later("debit", in.id, in.id, c.sim.lateness)
}

// decideDebit is the bank's answer.
func (c *call) decideDebit(intentID string) error {
	in, _, err := lockIntent(c.tx, intentID)
	if err != nil || in.status != processing {
		return err
	}
	ch, _, err := findCharge(c.tx, in.latestCharge)
	if err != nil {
		return err
	}
	with, ok, err := c.findMethod(ch.with.id)
	if err != nil {
		return err
	}
	if ok {
		ch.with = *with
	}
	if why := ch.with.card.refusal; why.code != "" {
		_, err = c.refuse(in, ch, false, why)
		return err
	}
	_, err = c.take(in, ch, false, in.amount, "charge.succeeded")
	return err
}
