package fault

// The codes of the whole product, in one place since every service and every page speaks them.
var (
	BadInput = Code{Invalid, "invalid", "The request is not valid",
		"A field is missing or has a value that is not allowed. Each entry of errors names one field and what is wrong with it."}
	BadJSON = Code{Invalid, "bad_json", "The body is not valid JSON",
		"The body could not be read as JSON. Send one JSON document, in UTF-8."}
	BadSignature = Code{Invalid, "bad_signature", "The signature is not valid",
		"The webhook's signature does not fit its body, or is too old. Check the signing secret and the clock."}
	SignInNeeded = Code{Unauthenticated, "not_signed_in", "You are not signed in",
		"Sign in first. A session also ends when its owner signs out or sets a new password."}
	BadCredentials = Code{Unauthenticated, "bad_credentials", "E-mail or password is wrong",
		"No account has this e-mail and password together. For safety we do not say which of the two is wrong."}
	CardDeclined = Code{PaymentFailed, "card_declined", "The card was declined",
		"The bank refused the payment; nothing was charged. Use another card or ask your bank."}
	CrossOrigin = Code{Forbidden, "cross_origin", "The request came from another site",
		"A browser sent this change from a page of another site, which is refused to protect your session."}
	NotSeller = Code{Forbidden, "not_seller", "Only the seller can do this",
		"The ticket is listed by somebody else. Only its seller can edit or withdraw it."}
	OwnTicket = Code{Forbidden, "own_ticket", "This is your own ticket",
		"You listed this ticket yourself, so you cannot order it. Withdraw it if you want to keep it."}
	Unknown = Code{NotFound, "not_found", "There is no such thing here",
		"It does not exist, or it is not yours to see. Check the address."}
	BadMethod = Code{NotAllowed, "method_not_allowed", "This method is not supported here",
		"The address exists but does not answer to this method. The Allow header lists those it answers to."}
	EmailTaken = Code{Conflict, "email_taken", "The e-mail is taken",
		"An account with this e-mail exists. Sign in, or use another e-mail."}
	TicketLocked = Code{Conflict, "ticket_locked", "The ticket is locked",
		"Somebody is paying for this ticket. Until they have paid, cancelled or run out of time, nobody else can order it and its seller cannot change it."}
	TicketSold = Code{Conflict, "ticket_sold", "The ticket is sold",
		"The ticket has been paid for. It cannot be ordered, edited or withdrawn any more."}
	TicketWithdrawn = Code{Conflict, "ticket_withdrawn", "The ticket is withdrawn",
		"The seller has taken the ticket off the market."}
	EventBegun = Code{Conflict, "event_begun", "The event has begun",
		"A ticket can only be ordered before its event begins."}
	PriceChanged = Code{Conflict, "price_changed", "The price has changed",
		"The price is no longer the one you saw. Look at the ticket again and order at the new price if you still want it."}
	OrderCompleted = Code{Conflict, "order_completed", "The order is completed",
		"The order has been paid for and cannot be cancelled."}
	OrderNotPayable = Code{Conflict, "order_not_payable", "The order cannot be paid",
		"The order is cancelled, or its ticket is not locked yet. Order again if the ticket is available."}
	OrderExpired = Code{Conflict, "order_expired", "The time to pay is over",
		"The ticket was locked for a limited time, which has passed. Order again if the ticket is available."}
	PaymentInProgress = Code{Conflict, "payment_in_progress", "A payment is in progress",
		"A payment for this order has been submitted and the bank has not answered yet. Try again in a moment."}
	PayoutsOff = Code{Conflict, "payouts_off", "There are no payouts here",
		"This market does not pay its sellers out through Stripe. What you have earned is in your balance; ask its operator how it is paid."}
	KeyInUse = Code{Conflict, "idempotency_key_in_use", "The first request with this key is still running",
		"A request with the same Idempotency-Key has not been answered yet. Try again in a moment."}
	VersionMoved = Code{Precondition, "version_moved", "It has changed since you read it",
		"The If-Match header names another version than the current one. Read it again, then repeat your change."}
	BodyTooLarge = Code{TooLarge, "body_too_large", "The body is too large",
		"A request's body may have at most 64 KiB."}
	NotJSON = Code{UnsupportedType, "unsupported_media_type", "The body must be JSON",
		"Send the body as application/json."}
	KeyReused = Code{Unprocessable, "idempotency_key_reused", "The Idempotency-Key was used for another request",
		"A key stands for one request. Use a new key for a new request."}
	SlowDown = Code{TooMany, "too_many_requests", "Too many requests",
		"There were too many requests in a short time. Wait as long as the Retry-After header says."}
	Broken = Code{Internal, "internal", "Something went wrong on our side",
		"The request could not be answered because of a fault of ours. It has been logged under the traceId."}
	Busy = Code{Unavailable, "unavailable", "The service cannot answer right now",
		"The service, or something it depends on, is not available. Try again after the time that the Retry-After header says."}
)

// Catalog lists every code, for the pages that explain them and the documents that enumerate them.
var Catalog = []Code{
	BadInput, BadJSON, BadSignature, SignInNeeded, BadCredentials, CardDeclined, CrossOrigin, NotSeller, OwnTicket,
	Unknown, BadMethod, EmailTaken, TicketLocked, TicketSold, TicketWithdrawn, EventBegun, PriceChanged, OrderCompleted,
	OrderNotPayable, OrderExpired, PaymentInProgress, PayoutsOff, KeyInUse, VersionMoved, BodyTooLarge, NotJSON, KeyReused, SlowDown,
	Broken, Busy,
}
