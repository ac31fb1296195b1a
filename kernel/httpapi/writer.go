package httpapi

import (
	"net/http"
	"strings"

	"ticketing/kernel/fault"
)

// writer notes the status of an answer, and replaces the plain texts with which net/http itself reports errors.
type writer struct {
	http.ResponseWriter
	r        *http.Request
	status   int  // 0 until the header is written
	replaced bool // what the handler writes is dropped
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	for _, name := range edgeHeaders { // a gateway that copies another process's answer has them twice
		if values := w.Header()[name]; len(values) > 1 {
			w.Header()[name] = values[len(values)-1:]
		}
	}
	if code, ok := plainFaults[status]; ok && w.foreign() {
		w.replaced = true
		h := w.Header()
		h.Del("Content-Length")
		h.Del("Content-Type")
		a := faultAnswer(w.r, code.New("%s.", code.Title), loggerOf(w.r.Context()))
		w.status = a.status
		a.write(w.ResponseWriter, w.r)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// edgeHeaders are the ones that Edge sets.
var edgeHeaders = []string{
	"X-Trace-Id", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy", "Strict-Transport-Security",
}

// foreign tells whether the answer is none of ours and no page either.
func (w *writer) foreign() bool {
	kind := w.Header().Get("Content-Type")
	return kind == "" || strings.HasPrefix(kind, "text/plain")
}

// plainFaults are the codes for what net/http and its proxies say in plain text.
var plainFaults = map[int]fault.Code{
	http.StatusBadRequest:            fault.BadInput,
	http.StatusNotFound:              fault.Unknown,
	http.StatusMethodNotAllowed:      fault.BadMethod,
	http.StatusRequestEntityTooLarge: fault.BodyTooLarge,
	http.StatusUnsupportedMediaType:  fault.NotJSON,
	http.StatusTooManyRequests:       fault.SlowDown,
	http.StatusInternalServerError:   fault.Broken,
	http.StatusBadGateway:            fault.Busy,
	http.StatusServiceUnavailable:    fault.Busy,
	http.StatusGatewayTimeout:        fault.Busy,
}

// Write implements http.ResponseWriter.
func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.replaced {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, for streams.
func (w *writer) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
