package bus

import (
	"crypto/rand"
	"strings"
)

// wakeOthers has those who await something in another replica look as soon as this one commits it, and the other way round.
// It returns how to stop listening.
func (b *Bus) wakeOthers() (stop func()) {
	h, ok := b.log.(hinter)
	if !ok || !b.db.Shared() {
		return func() {}
	}
	topic, self := b.db.Name()+".touched", rand.Text()
	stop, err := h.OnHint(topic, func(data []byte) {
		if said := strings.Split(string(data), "\n"); said[0] != self {
			b.db.Wake(said[1:]...)
		}
	})
	if err != nil { // then they look by themselves, every so often
		b.slog.Warn("other replicas' commits cannot be listened for", "error", err)
		stop = func() {}
	}
	b.db.Announce(func(keys []string) { h.Hint(topic, []byte(self+"\n"+strings.Join(keys, "\n"))) })
	return stop
}
