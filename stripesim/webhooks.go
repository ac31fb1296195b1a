package stripesim

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"ticketing/kernel/store"
)

// everything is the event type that stands for all of them.
const everything = "*"

// hook is an endpoint that events are sent to.
type hook struct {
	id          string
	createdAt   time.Time
	name        string // empty for those that were made over the API
	url         string
	types       []string
	enabled     bool
	description string
	metadata    map[string]string
	secret      string
	oldSecret   string    // signs too until oldUntil
	oldUntil    time.Time // zero: there is none
}

// Webhook is an endpoint that a program keeps up to date by itself.
type Webhook struct {
	Name      string            // there is one endpoint of each name: a new address replaces the one before, and takes over what is queued for it
	URL       string            // http or https
	Secret    string            // signs; empty: that of the endpoint of this name, or a new one
	Types     []string          // of events; empty: all
	Transport http.RoundTripper // from this process; nil: Options.WebhookTransport
}

// SetWebhook makes or changes the endpoint of that name, and returns the secret that its events are signed with.
func (s *Sim) SetWebhook(ctx context.Context, w Webhook) (secret string, err error) {
	if w.Name == "" || !validHook(w.URL) {
		return "", fmt.Errorf("a webhook needs a name and an http or https URL, not %q and %q", w.Name, w.URL)
	}
	if len(w.Types) == 0 {
		w.Types = []string{everything}
	}
	types, err := json.Marshal(w.Types)
	if err != nil {
		return "", err
	}
	s.setRoute(w.Name, w.Transport)
	defer s.change()()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		secret, _, err = store.One(tx, func(scan store.Scan) (secret string, err error) {
			err = scan(&secret)
			return secret, err
		}, `INSERT INTO webhook_endpoints (id, created_at, name, url, types, secret) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (name) WHERE name <> '' DO UPDATE SET url = excluded.url, types = excluded.types, enabled = TRUE,
			secret = CASE WHEN $7 = '' THEN webhook_endpoints.secret ELSE $7 END,
			old_secret = CASE WHEN $7 IN ('', webhook_endpoints.secret) THEN webhook_endpoints.old_secret ELSE '' END
			RETURNING secret`,
			newID(tx, "we_"), store.Millis(tx.Now()), w.Name, w.URL, string(types), orSecret(w.Secret), w.Secret)
		return err
	})
	return secret, err
}

// AddWebhook makes the endpoint at this URL, if there is none yet, and sends it the events of these types (none: all) signed
// with this secret. It is SetWebhook with the URL as the name.
func (s *Sim) AddWebhook(ctx context.Context, address, secret string, types ...string) error {
	_, err := s.SetWebhook(ctx, Webhook{Name: address, URL: address, Secret: secret, Types: types})
	return err
}

// RemoveWebhook removes the endpoint of that name, if there is one, with what is queued for it.
func (s *Sim) RemoveWebhook(ctx context.Context, name string) error {
	if name == "" {
		return nil // those that were made over the API have none
	}
	s.setRoute(name, nil)
	defer s.change()()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		id, ok, err := store.One(tx, scanText, `DELETE FROM webhook_endpoints WHERE name = $1 RETURNING id`, name)
		if err != nil || !ok {
			return err
		}
		return tx.Do(`DELETE FROM deliveries WHERE endpoint = $1`, id)
	})
}

// RotateSecret gives the endpoints at this URL, or the one with this id, a new secret; an empty one is made up. For so long
// the old secret signs too, and deliveries have two signatures.
func (s *Sim) RotateSecret(ctx context.Context, endpoint, secret string, overlap time.Duration) (string, error) {
	secret = orSecret(secret)
	defer s.change()()
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE webhook_endpoints SET old_secret = secret, old_until = $1, secret = $2 WHERE id = $3 OR url = $3`,
			store.Millis(tx.Now().Add(overlap)), secret, endpoint)
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: %s", ErrNoWebhook, endpoint)
		}
		return err
	})
	return secret, err
}

// ErrNoWebhook says that there is no such endpoint.
var ErrNoWebhook = errors.New("stripesim: there is no such webhook endpoint")

func orSecret(secret string) string {
	if secret != "" {
		return secret
	}
	return "whsec_" + rand.Text()
}

func validHook(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// hears tells whether the endpoint wants events of this type.
func (h *hook) hears(kind string) bool {
	return slices.Contains(h.types, kind) || slices.Contains(h.types, everything)
}

// secrets are those that sign at this moment, the newest first.
func (h *hook) secrets(now time.Time) []string {
	if h.oldSecret != "" && now.Before(h.oldUntil) {
		return []string{h.secret, h.oldSecret}
	}
	return []string{h.secret}
}

const hookColumns = `id, created_at, name, url, types, enabled, description, metadata, secret, old_secret, old_until`

func scanHook(scan store.Scan) (*hook, error) {
	var h hook
	var at, until int64
	var types, metadata string
	err := scan(&h.id, &at, &h.name, &h.url, &types, &h.enabled, &h.description, &metadata, &h.secret, &h.oldSecret, &until)
	if err != nil {
		return nil, err
	}
	h.createdAt, h.oldUntil = store.Time(at), store.Time(until)
	return &h, errors.Join(json.Unmarshal([]byte(types), &h.types), json.Unmarshal([]byte(metadata), &h.metadata))
}

func findHook(tx *store.Tx, id string) (*hook, bool, error) {
	return store.One(tx, scanHook, `SELECT `+hookColumns+` FROM webhook_endpoints WHERE id = $1`, id)
}

func (h *hook) render() object {
	status := "enabled"
	if !h.enabled {
		status = "disabled"
	}
	return object{
		"id": h.id, "object": "webhook_endpoint", "api_version": nil, "application": nil, "created": seconds(h.createdAt),
		"description": orNull(h.description), "enabled_events": h.types, "livemode": false, "metadata": h.metadata,
		"status": status, "url": h.url,
	}
}
