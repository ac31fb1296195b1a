package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/store"
)

// once runs the handler for the first request with an Idempotency-Key, and gives its answer to all others.
func (h *handler) once(ctx context.Context, r *http.Request, e *entry, c *call, body []byte, key []string) (*answer, error) {
	if len(key) != 1 || !goodKey(key[0]) {
		return nil, fault.BadInput.New("The Idempotency-Key must be 1 to 255 visible ASCII characters, given once.").On("Idempotency-Key")
	}
	caller, _ := identity.From(ctx)
	mine, stored, err := h.keys.begin(ctx, claim{
		caller: caller.UserID, target: r.Method + " " + r.URL.EscapedPath(), name: key[0],
	}, body, e.About.Secret)
	switch {
	case err != nil:
		return nil, err
	case stored != nil:
		return stored.replay(ctx, e)
	}
	c.id = mine.entity
	var a *answer
	// The outcome is recorded whatever became of the client meanwhile, and after a panic too.
	defer func() { h.settle(context.WithoutCancel(ctx), mine, a) }()
	answered, err := e.serve(ctx, r, body)
	if err != nil {
		answered = faultAnswer(r, err, h.Log)
	}
	a = answered
	return a, nil
}

// settle stores the answer, or releases the key when a repeat may fare better.
func (h *handler) settle(ctx context.Context, c claim, a *answer) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var err error
	if a == nil || a.status >= 500 || a.status == http.StatusTooManyRequests {
		err = h.keys.release(ctx, c)
	} else {
		headers := make([]headerField, 0, len(a.header))
		for _, f := range a.header {
			if f.Name != "Set-Cookie" {
				headers = append(headers, f)
			}
		}
		var text []byte
		if text, err = marshal(headers); err == nil {
			err = h.keys.finish(ctx, c, a.status, string(text), string(a.body))
		}
	}
	if err != nil {
		h.Log.WarnContext(ctx, "the answer for an Idempotency-Key could not be stored", "target", c.target, "cause", err)
	}
}

// replay is the stored answer.
func (r *record) replay(ctx context.Context, e *entry) (*answer, error) {
	a := &answer{status: r.status, kind: typeJSON}
	if r.status >= 400 {
		a.kind = typeProblem
	}
	if r.body != "" {
		a.body = []byte(r.body)
	}
	if err := json.Unmarshal([]byte(r.headers), &a.header); err != nil {
		return nil, err
	}
	a.add("Idempotent-Replayed", "true")
	if e.About.OnReplay == nil || r.status >= 300 {
		return a, nil
	}
	more, err := e.About.OnReplay(ctx, a.body)
	for name, values := range more {
		for _, v := range values {
			a.add(http.CanonicalHeaderKey(name), v)
		}
	}
	return a, err
}

// fingerprint tells bodies apart. Of one that holds a secret it is slow and salted, so that the database does not help
// anybody to guess it; a key that is known already keeps its salt.
func (k *keys) fingerprint(ctx context.Context, c claim, body []byte, secret bool) (salt, fingerprint string, err error) {
	if !secret {
		sum := sha256.Sum256(body)
		return "", hex.EncodeToString(sum[:]), nil
	}
	err = k.db.View(ctx, func(tx *store.Tx) error {
		r, ok, err := k.find(tx, c)
		if ok {
			salt = r.salt
		}
		return err
	})
	if err != nil {
		return "", "", err
	}
	if salt == "" {
		salt = rand.Text()
	}
	sum, err := k.slow(ctx, body, []byte(salt))
	return salt, hex.EncodeToString(sum), err
}

func goodKey(key string) bool {
	for _, c := range []byte(key) {
		if c < '!' || c > '~' {
			return false
		}
	}
	return len(key) >= 1 && len(key) <= 255
}
