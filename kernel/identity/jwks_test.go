package identity_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"ticketing/kernel/identity"
)

// The key of RFC 8037, appendix A.2 and A.3, with its thumbprint.
const (
	rfcX          = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	rfcThumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
)

func TestKeySetIsThatOfTheRFC(t *testing.T) {
	x, err := base64.RawURLEncoding.DecodeString(rfcX)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(identity.NewJWKS(x))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + rfcX + `","use":"sig","alg":"EdDSA","kid":"` + rfcThumbprint + `"}]}`
	if string(document) != want {
		t.Errorf("got  %s\nwant %s", document, want)
	}
	keys, err := identity.ParseJWKS(document)
	if err != nil || !keys[rfcThumbprint].Equal(ed25519Key(x)) {
		t.Errorf("read back %v, %v", keys, err)
	}
	if document, _ := json.Marshal(identity.NewJWKS()); string(document) != `{"keys":[]}` {
		t.Errorf("no keys: %s", document)
	}
}

func TestParseJWKS(t *testing.T) {
	good := `{"kty":"OKP","crv":"Ed25519","x":"` + rfcX + `","use":"sig","alg":"EdDSA","kid":"a"}`
	for name, c := range map[string]struct {
		document string
		keys     int // 0: refused
	}{
		"one":                  {`{"keys":[` + good + `]}`, 1},
		"without use and alg":  {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + rfcX + `","kid":"a"}]}`, 1},
		"next to another kind": {`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"r"},` + good + `]}`, 1},
		"for encryption":       {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + rfcX + `","use":"enc","kid":"a"}]}`, 0},
		"another curve":        {`{"keys":[{"kty":"OKP","crv":"X25519","x":"` + rfcX + `","kid":"a"}]}`, 0},
		"without kid":          {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + rfcX + `"}]}`, 0},
		"too short":            {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"a"}]}`, 0},
		"not base64":           {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"!","kid":"a"}]}`, 0},
		"empty":                {`{"keys":[]}`, 0},
		"no set":               {`{}`, 0},
		"not JSON":             {`<html>`, 0},
	} {
		keys, err := identity.ParseJWKS([]byte(c.document))
		if len(keys) != c.keys || (err == nil) != (c.keys > 0) {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
}

func FuzzParseJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + rfcX + `","kid":"a"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := identity.ParseJWKS(document)
		if (err == nil) != (len(keys) > 0) {
			t.Fatal(keys, err)
		}
		for kid, key := range keys {
			if kid == "" || len(key) != 32 {
				t.Fatalf("%q: %d bytes", kid, len(key))
			}
		}
	})
}
