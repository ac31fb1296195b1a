package stripesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// errorBody is Stripe's error object. The same shape is an intent's last_payment_error.
type errorBody struct {
	Type          string `json:"type"`
	Code          string `json:"code,omitempty"`
	DeclineCode   string `json:"decline_code,omitempty"`
	Message       string `json:"message"`
	Param         string `json:"param,omitempty"`
	DocURL        string `json:"doc_url,omitempty"`
	Charge        string `json:"charge,omitempty"`
	PaymentIntent object `json:"payment_intent,omitempty"`
	PaymentMethod object `json:"payment_method,omitempty"`
}

// apiError is an answer that is not 2xx.
type apiError struct {
	status int
	body   errorBody

	// executed: the endpoint had begun, so what it did stays and its idempotency key repeats this answer. Otherwise the
	// parameters were refused before anything was done, and nothing is remembered.
	executed bool
}

func (e *apiError) Error() string { return e.body.Message }

func (e *apiError) json() []byte {
	b := e.body
	if b.Code != "" {
		b.DocURL = docURL(b.Code)
	}
	text, err := json.Marshal(map[string]errorBody{"error": b})
	if err != nil {
		return []byte(`{"error":{"type":"api_error","message":"The error could not be written."}}`)
	}
	return text
}

func docURL(code string) string {
	return "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
}

// invalid refuses the parameters.
func invalid(param, code, format string, args ...any) *apiError {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	return &apiError{status: http.StatusBadRequest,
		body: errorBody{Type: "invalid_request_error", Code: code, Param: param, Message: message}}
}

// missing is Stripe's answer for an id that it doesn't know: 404 when the path names it, 400 when a parameter does.
func missing(kind, param, id string, inPath bool) *apiError {
	e := invalid(param, "resource_missing", "No such %s: '%s'", kind, id)
	if inPath {
		e.status = http.StatusNotFound
	}
	return e
}

// unexpectedState says that the intent can't do this from where it stands.
func unexpectedState(in *intent, format string, args ...any) *apiError {
	e := invalid("", "payment_intent_unexpected_state", format, args...)
	e.body.PaymentIntent = in.render()
	e.executed = true
	return e
}

func serverError(status int) *apiError {
	e := &apiError{status: status, body: errorBody{Type: "api_error",
		Message: "An unknown error occurred."}}
	switch status {
	case http.StatusTooManyRequests:
		e.body = errorBody{Type: "invalid_request_error", Code: "rate_limit",
			Message: "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."}
	case http.StatusConflict:
		e.body = errorBody{Type: "invalid_request_error", Code: "idempotency_key_in_use",
			Message: "There is currently another in-progress request using this Idempotent Key."}
	}
	return e
}

func noKey() *apiError {
	return &apiError{status: http.StatusUnauthorized, body: errorBody{Type: "invalid_request_error",
		Message: "You did not provide an API key. You need to provide your API key in the Authorization header, using " +
			"Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication " +
			"for details, or we can help at https://support.stripe.com/."}}
}

func badKey(key string) *apiError {
	return &apiError{status: http.StatusUnauthorized, body: errorBody{Type: "invalid_request_error",
		Message: "Invalid API Key provided: " + masked(key)}}
}

// noAccess is Stripe's answer to a request in the name of another account, which the key is not allowed to make.
func noAccess(key, account string) *apiError {
	return &apiError{status: http.StatusForbidden, body: errorBody{Type: "invalid_request_error", Code: "account_invalid",
		Message: fmt.Sprintf("The provided key '%s' does not have access to account '%s' (or that account does not exist). "+
			"Application access may have been revoked.", masked(key), account)}}
}

// masked is a key as Stripe shows it.
func masked(key string) string {
	if len(key) <= 12 {
		return "****"
	}
	return key[:8] + strings.Repeat("*", len(key)-12) + key[len(key)-4:]
}

func unknownURL(r *http.Request) *apiError {
	e := invalid("", "", "Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at "+
		"https://support.stripe.com/.", r.Method, r.URL.Path)
	e.status = http.StatusNotFound
	return e
}
