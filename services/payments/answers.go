package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v85"
)

// refusal is Stripe's final no to a request: nothing came of it, and the same request will get the same answer.
type refusal struct{ code string }

func (r refusal) Error() string { return "Stripe refused: " + r.code }

// failure is an answer by which nobody learns whether the request took effect. Stripe keeps such an answer under the
// request's key and repeats it, so that the key is of no use any more.
type failure struct {
	status   int
	repeated bool // it is the answer that was given before
	cause    error
}

func (f failure) Error() string {
	return fmt.Sprintf("Stripe failed with status %d: %v", f.status, f.cause)
}

// failedInside tells whether Stripe answered that it failed inside.
func failedInside(err error) bool {
	var f failure
	return errors.As(err, &f)
}

func replayed(err error) bool {
	var f failure
	return errors.As(err, &f) && f.repeated
}

// What else an answer of Stripe can mean. Any other error leaves open whether the request took effect.
var (
	errMissing  = errors.New("the object is not known to Stripe")
	errState    = errors.New("the PaymentIntent is in another state")
	errRefunded = errors.New("the charge is refunded already")
	errRubbish  = errors.New("an answer that is not Stripe's")
	errBusy     = errors.New("too many requests, or one is still at work on this")
)

// judge says what an error of the Stripe client means, and notes whether Stripe does anything for us. Stripe's own text is left
// out: it may name the payment method.
func (g *gateway) judge(err error) error {
	if err == nil {
		g.away.Store(false)
		return nil
	}
	var e *stripe.Error
	if !errors.As(err, &e) {
		if !errors.Is(err, context.Canceled) {
			g.away.Store(true)
		}
		return fmt.Errorf("no answer from Stripe: %w", err)
	}
	g.away.Store(e.HTTPStatusCode >= http.StatusInternalServerError || e.HTTPStatusCode == http.StatusUnauthorized)
	unexpected := fmt.Errorf("unexpected answer of Stripe: %d %s %s (request %s)", e.HTTPStatusCode, e.Type, e.Code, e.RequestID)
	switch {
	case e.HTTPStatusCode >= http.StatusInternalServerError:
		return failure{status: e.HTTPStatusCode, repeated: isReplay(e), cause: unexpected}
	case e.HTTPStatusCode == http.StatusTooManyRequests, e.HTTPStatusCode == http.StatusConflict:
		return errors.Join(errBusy, unexpected)
	case e.Type == stripe.ErrorTypeIdempotency:
		return failure{status: e.HTTPStatusCode, repeated: true, cause: unexpected} // the key is of no use
	case e.Type == stripe.ErrorTypeCard:
		return refusal{failureCode(e)}
	case e.HTTPStatusCode == http.StatusNotFound:
		return errMissing
	case e.Code == stripe.ErrorCodeChargeAlreadyRefunded:
		return errRefunded
	case e.Code == stripe.ErrorCodePaymentIntentUnexpectedState:
		return errState
	case e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripe.ErrorTypeInvalidRequest:
		return refusal{failureCode(e)}
	}
	return unexpected
}

// isReplay tells whether Stripe says that it has only repeated its first answer to the key.
func isReplay(e *stripe.Error) bool {
	return e.LastResponse != nil && e.LastResponse.Header.Get("Idempotent-Replayed") == "true"
}

// failureCode is the most exact code that is not "declined for no reason".
func failureCode(e *stripe.Error) string {
	switch {
	case e.DeclineCode != "" && e.DeclineCode != "generic_decline":
		return string(e.DeclineCode)
	case e.Code != "":
		return string(e.Code)
	}
	return string(e.Type)
}
