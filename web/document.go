package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// Document serves one JSON document that never changes while the process runs. It is made when somebody asks for it; that it
// cannot be made is a mistake in the program, and a panic of each request for it.
func Document(written func() ([]byte, error)) http.Handler {
	type document struct {
		content []byte
		tag     string
	}
	once := sync.OnceValue(func() document {
		content, err := written()
		if err != nil {
			panic(err)
		}
		return document{content, `"` + fingerprint(content) + `"`}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := once()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Access-Control-Allow-Origin", "*") // public, and tools in a browser want to read it
		w.Header().Set("ETag", d.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.content))
	})
}

func fingerprint(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}
