-- What Stripe has told, by webhook or when it was asked what had happened. An event is recorded before it is answered, and
-- stays open, with due_at, until what it hints at has been looked at.
CREATE TABLE stripe_events (
    id          TEXT COLLATE "C" PRIMARY KEY, -- Stripe's
    type        TEXT   NOT NULL,
    object_id   TEXT   NOT NULL,
    intent_id   TEXT   NOT NULL,
    charge_id   TEXT   NOT NULL,              -- ours, by the object's metadata or as found; it may be another program's
    payload     TEXT   NOT NULL,              -- the object as it was then, for 30 days; empty if it never concerned us
    source      TEXT   NOT NULL CHECK (source IN ('webhook', 'poll')),
    outcome     TEXT   NOT NULL,              -- applied, nothing, ignored, unknown, unreadable; empty while it is open
    tries       BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,              -- by Stripe's clock
    received_at BIGINT NOT NULL,
    handled_at  BIGINT NOT NULL DEFAULT 0,
    due_at      BIGINT NOT NULL DEFAULT 0,
    CHECK ((outcome = '') = (due_at > 0))
);
CREATE INDEX stripe_events_received ON stripe_events (received_at, id);
CREATE INDEX stripe_events_charge ON stripe_events (charge_id, received_at, id) WHERE charge_id <> '';
CREATE INDEX stripe_events_due ON stripe_events (due_at) WHERE due_at > 0;
CREATE INDEX stripe_events_payload ON stripe_events (received_at) WHERE payload <> '';

-- How far Stripe's own list of events has been read.
CREATE TABLE stripe_polls (
    name    TEXT COLLATE "C" PRIMARY KEY,
    seen_at BIGINT NOT NULL, -- all that Stripe made before has been listed
    next_at BIGINT NOT NULL  -- when it is read again
);

-- Cardholders' complaints about charges, as Stripe showed them last. Until it has been asked the status is empty.
CREATE TABLE disputes (
    id              TEXT COLLATE "C" PRIMARY KEY, -- Stripe's
    charge_id       TEXT COLLATE "C" NOT NULL REFERENCES charges (id),
    amount          BIGINT NOT NULL DEFAULT 0 CHECK (amount >= 0),
    currency        TEXT   NOT NULL DEFAULT '',
    reason          TEXT   NOT NULL DEFAULT '',
    status          TEXT   NOT NULL DEFAULT '',
    evidence_due_by BIGINT NOT NULL DEFAULT 0,
    opened_at       BIGINT NOT NULL DEFAULT 0, -- by Stripe's clock
    due_at          BIGINT NOT NULL DEFAULT 0, -- when it is asked after by itself
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX disputes_charge ON disputes (charge_id);
CREATE INDEX disputes_opened ON disputes (created_at, id);
CREATE INDEX disputes_due ON disputes (due_at) WHERE due_at > 0;
