package bus

import "strings"

// wakeOthers has those who await something in another replica look as soon as this one commits it, and the other way round.
// It returns how to stop listening.
func (b *Bus) wakeOthers() (stop func()) {
	h, ok := b.log.(hinter)
	if !ok || !b.db.Shared() {
		return func() {}
	}
	topic := b.db.Name() + ".touched"
	stop, err := h.OnHint(topic, func(keys []byte) { b.db.Wake(strings.Split(string(keys), "\n")...) })
	if err != nil { // then they look by themselves, every so often
		b.slog.Warn("other replicas' commits cannot be listened for", "error", err)
		stop = func() {}
	}
	b.db.Announce(func(keys []string) { h.Hint(topic, []byte(strings.Join(keys, "\n"))) })
	return stop
}
