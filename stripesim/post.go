package stripesim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAnswer is how much of an endpoint's answer is read, so that its connection can be used again.
const maxAnswer = 64 << 10

// post makes one attempt. What goes wrong on the way is the failure.
func (s *Sim) post(ctx context.Context, p plan) (answer int, failure string, err error) {
	body, err := p.delivery.told.body()
	if err != nil {
		return 0, "", err
	}
	now := s.now(ctx)
	within, cancel := context.WithTimeout(ctx, s.webhookTime)
	defer cancel()
	h := p.delivery.hook
	r, err := http.NewRequestWithContext(within, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error(), nil
	}
	secrets := h.secrets(now)
	if p.forged {
		secrets = []string{orSecret("")}
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	r.Header.Set("Stripe-Signature", sign(now.Add(-p.age), body, secrets))
	response, err := s.route(h.name).RoundTrip(r) // a transport follows no redirect, which Stripe doesn't either
	if err != nil {
		return 0, err.Error(), nil
	}
	defer response.Body.Close()
	if _, err := io.CopyN(io.Discard, response.Body, maxAnswer); err != nil && err != io.EOF {
		return 0, fmt.Sprintf("the answer broke off: %v", err), nil
	}
	return response.StatusCode, "", nil
}

// sign is Stripe's scheme: a signature for each secret, over the time in seconds and the body.
func sign(at time.Time, body []byte, secrets []string) string {
	t := strconv.FormatInt(at.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + t)
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(t + "."))
		mac.Write(body)
		b.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}

// setRoute makes this process reach an endpoint by name over the transport.
func (s *Sim) setRoute(name string, t http.RoundTripper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.routes, name)
	if t != nil {
		s.routes[name] = t
	}
}

func (s *Sim) route(name string) http.RoundTripper {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.routes[name]; ok && name != "" {
		return t
	}
	return s.transport
}
