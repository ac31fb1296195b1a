package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// JWKS is a set of public keys as RFC 7517 writes it.
type JWKS struct {
	Keys []JWK `json:"keys" nullable:"false" doc:"The keys that sign sessions, and those that did as long as their sessions may live."`
}

// JWK is one public key of Ed25519 as RFC 8037 writes it.
type JWK struct {
	KeyType   string `json:"kty" enum:"OKP" doc:"Kind of key."`
	Curve     string `json:"crv" enum:"Ed25519" doc:"Curve of the key."`
	X         string `json:"x" doc:"The key itself, base64url."`
	Use       string `json:"use" enum:"sig" doc:"What it is for."`
	Algorithm string `json:"alg" enum:"EdDSA" doc:"Algorithm of the signatures."`
	KeyID     string `json:"kid" doc:"Thumbprint of the key (RFC 7638), as in the header of a token."`
}

// maxKeys is far more than a rotation ever leaves published.
const maxKeys = 100

// NewJWKS publishes the keys, in this order.
func NewJWKS(keys ...ed25519.PublicKey) JWKS {
	set := JWKS{Keys: make([]JWK, 0, len(keys))}
	for _, key := range keys {
		set.Keys = append(set.Keys, JWK{"OKP", "Ed25519", encode(key), "sig", "EdDSA", KeyID(key)})
	}
	return set
}

// ParseJWKS reads a set. Keys of another kind or use are passed over, as RFC 7517 asks; a set without any key that can
// verify a session is an error.
func ParseJWKS(document []byte) (StaticKeys, error) {
	var set JWKS
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("the key set is not valid JSON: %w", err)
	}
	keys := StaticKeys{}
	for _, k := range set.Keys {
		if k.KeyType != "OKP" || k.Curve != "Ed25519" || k.KeyID == "" ||
			k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != "EdDSA" {
			continue
		}
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			continue
		}
		keys[k.KeyID] = ed25519.PublicKey(x)
	}
	switch {
	case len(keys) == 0:
		return nil, errors.New("the key set has no Ed25519 key")
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
	}
	return keys, nil
}

// KeyID is the thumbprint of a key by RFC 7638: the hash of its required members in the order of their names.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + encode(key) + `"}`))
	return encode(sum[:])
}

// plausibleKeyID tells whether kid has the form of a thumbprint; nothing else is worth looking up.
func plausibleKeyID(kid string) bool {
	if len(kid) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(kid)
	return err == nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
