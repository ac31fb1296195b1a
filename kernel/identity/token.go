package identity

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxToken is more than any token of ours has, and what a browser keeps in a cookie.
const maxToken = 4096

// maxID is more than any id of ours has: a UUID has 36 characters.
const maxID = 64

// claims is the payload of a token.
type claims struct {
	jwt.RegisteredClaims
	SessionID string `json:"sid"`
	Epoch     int64  `json:"epoch"`
}

// Validate is called by the parser, next to its own checks.
func (c *claims) Validate() error {
	if c.Subject == "" || c.SessionID == "" || len(c.Subject) > maxID || len(c.SessionID) > maxID {
		return errors.New("sub and sid must be ids")
	}
	if c.Epoch < 0 {
		return errors.New("epoch is negative")
	}
	if c.IssuedAt == nil {
		return errors.New("iat is missing")
	}
	return nil
}

// Signer makes session tokens with one private key.
type Signer struct {
	key ed25519.PrivateKey
	kid string
}

// NewSigner signs with the key of this seed, which has ed25519.SeedSize bytes.
func NewSigner(seed []byte) (*Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("a signing key has a seed of %d bytes, not %d", ed25519.SeedSize, len(seed))
	}
	key := ed25519.NewKeyFromSeed(seed)
	return &Signer{key: key, kid: KeyID(key.Public().(ed25519.PublicKey))}, nil
}

// KeyID names the key in the header of every token.
func (s *Signer) KeyID() string { return s.kid }

// Public is the key that verifies what s signs.
func (s *Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Sign is a token for c, issued now; it expires at c.ExpiresAt, to the second.
func (s *Signer) Sign(c Caller, now time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    Issuer,
			Subject:   c.UserID,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
		},
		SessionID: c.SessionID,
		Epoch:     c.Epoch,
	})
	token.Header["kid"] = s.kid
	signed, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign a session token: %w", err)
	}
	return signed, nil
}
