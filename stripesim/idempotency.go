package stripesim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"sync"
	"time"

	"ticketing/kernel/store"
)

// How long a key's answer is kept, and how many old ones one request of so many clears away in passing.
const (
	keyLife       = 24 * time.Hour
	keyPrune      = 320
	keyPruneEvery = 32
)

// keyring knows the keys of requests that are under way in this process. Another process's request with the same key waits
// for the row instead and then gets the first one's answer: stricter than Stripe asks, and never a second effect.
type keyring struct {
	mu   sync.Mutex
	busy map[string]bool
}

func newKeyring() *keyring { return &keyring{busy: map[string]bool{}} }

// takeKey reserves the request's idempotency key until release; the key is empty if it has none or needs none.
func (s *Sim) takeKey(r *http.Request) (key string, release func(), err error) {
	key = r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		return "", func() {}, nil
	}
	if len(key) > 255 {
		return "", nil, invalid("", "", "Idempotency keys must be at most 255 characters.")
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if s.keys.busy[key] {
		return "", nil, keyInUse(key)
	}
	s.keys.busy[key] = true
	return key, func() {
		s.keys.mu.Lock()
		defer s.keys.mu.Unlock()
		delete(s.keys.busy, key)
	}, nil
}

// once carries out the request, or repeats the answer that its key already has.
func (c *call) once(r *http.Request, values url.Values, a *answer, run endpoint) (err error) {
	if c.key == "" {
		a.status, a.body, err = c.do(run)
		return err
	}
	k := keyed{key: c.key, request: fingerprint(r, values), endpoint: r.Method + " " + r.URL.Path}
	first, err := c.claimKey(k)
	if err != nil || first != nil {
		if first != nil {
			a.status, a.body, a.original = first.status, first.body, first.original
		}
		return err
	}
	if a.status, a.body, err = c.do(run); err != nil {
		return err
	}
	return c.keepAnswer(k, *a)
}

// keyed is the request that a key belongs to.
type keyed struct{ key, request, endpoint string }

// claimKey makes the key this request's own, or returns the answer of the request that had it first. The only process that
// writes has nothing to claim: the key is written with its answer.
func (c *call) claimKey(k keyed) (*answer, error) {
	now := c.tx.Now()
	old := store.Millis(now.Add(-keyLife))
	if c.sim.claimed.Add(1)%keyPruneEvery == 0 {
		err := c.tx.Do(`DELETE FROM idempotency_keys WHERE key IN
			(SELECT key FROM idempotency_keys WHERE created_at <= $1 ORDER BY created_at LIMIT $2)`, old, keyPrune)
		if err != nil {
			return nil, err
		}
	}
	if !c.tx.Embedded() {
		n, err := c.tx.Exec(`INSERT INTO idempotency_keys (key, request, endpoint, request_id, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at WHERE idempotency_keys.created_at <= $6`,
			k.key, k.request, k.endpoint, c.requestID, store.Millis(now), old)
		if err != nil || n == 1 {
			return nil, err
		}
	}
	return c.firstAnswer(k, old)
}

// firstAnswer is that of the request that had the key first, nil if that was too long ago.
func (c *call) firstAnswer(k keyed, old int64) (*answer, error) {
	type stored struct {
		answer
		request, endpoint string
	}
	was, ok, err := store.One(c.tx, func(scan store.Scan) (s stored, err error) {
		var body string
		err = scan(&s.request, &s.endpoint, &s.original, &s.status, &body)
		s.body = []byte(body)
		return s, err
	}, `SELECT k.request, k.endpoint, k.request_id, k.status, coalesce(e.data, k.body) FROM idempotency_keys k
		LEFT JOIN events e ON e.id = k.event WHERE k.key = $1 AND k.created_at > $2`, k.key, old)
	switch {
	case err != nil || !ok:
		return nil, err
	case was.endpoint != k.endpoint:
		return nil, keyMisused(k.key, "Keys for idempotent requests can only be used for the same endpoint they were first used "+
			"for ('"+was.endpoint+"' vs '"+k.endpoint+"'). ")
	case was.request != k.request:
		return nil, keyMisused(k.key, "Keys for idempotent requests can only be used with the same parameters they were first used with. ")
	}
	return &was.answer, nil
}

// keepAnswer writes the key down with its answer. What an event tells anyway is kept with that.
func (c *call) keepAnswer(k keyed, a answer) error {
	body, event := string(a.body), ""
	if c.answered {
		body, event = "", c.told.id
	}
	return c.tx.Do(`INSERT INTO idempotency_keys (key, request, endpoint, request_id, created_at, status, body, event)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (key) DO UPDATE SET request = excluded.request, endpoint = excluded.endpoint, request_id = excluded.request_id,
			created_at = excluded.created_at, status = excluded.status, body = excluded.body, event = excluded.event`,
		k.key, k.request, k.endpoint, c.requestID, store.Millis(c.tx.Now()), a.status, body, event)
}

// fingerprint tells requests apart: the same endpoint with the same parameters in any order is the same request.
func fingerprint(r *http.Request, values url.Values) string {
	sum := sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "?" + values.Encode()))
	return hex.EncodeToString(sum[:])
}

func keyInUse(key string) *apiError {
	e := serverError(http.StatusConflict)
	e.body.Message = "There is currently another in-progress request using this Idempotent Key (that probably means you " +
		"submitted twice, and the other request is still going through): " + key + ". You can try again later (or not at all, " +
		"if you don't care about the result of a double-submit)."
	return e
}

func keyMisused(key, why string) *apiError {
	return &apiError{status: http.StatusBadRequest, body: errorBody{Type: "idempotency_error",
		Message: why + "Try using a key other than '" + key + "' if you meant to execute a different request."}}
}
