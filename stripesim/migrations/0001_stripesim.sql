-- A PaymentIntent. What decisions are made on has a column; the rest of its face is JSON in details.
CREATE TABLE intents (
    id             TEXT COLLATE "C" PRIMARY KEY,
    created_at     BIGINT NOT NULL,
    amount         BIGINT NOT NULL CHECK (amount > 0),
    capturable     BIGINT NOT NULL DEFAULT 0 CHECK (capturable >= 0),
    received       BIGINT NOT NULL DEFAULT 0 CHECK (received >= 0),
    currency       TEXT   NOT NULL,
    status         TEXT   NOT NULL CHECK (status IN ('requires_payment_method', 'requires_confirmation', 'requires_action',
                                                     'processing', 'requires_capture', 'succeeded', 'canceled')),
    capture_method TEXT   NOT NULL CHECK (capture_method IN ('automatic', 'automatic_async', 'manual')),
    method         TEXT   NOT NULL DEFAULT '',
    latest_charge  TEXT   NOT NULL DEFAULT '',
    details        TEXT   NOT NULL,
    version        BIGINT NOT NULL DEFAULT 1,
    CHECK (received <= amount AND capturable <= amount)
);
CREATE INDEX intents_newest ON intents (created_at, id);

CREATE TABLE intent_metadata (
    intent TEXT COLLATE "C" NOT NULL REFERENCES intents (id),
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (intent, name)
);
CREATE INDEX intent_metadata_value ON intent_metadata (name, value);

-- One attempt to take the money of an intent, declined ones included. What was refunded counts from the moment that the
-- refund is asked for; withdrawn is what disputes hold at present; transferred went to other accounts.
CREATE TABLE charges (
    id           TEXT COLLATE "C" PRIMARY KEY,
    intent       TEXT COLLATE "C" NOT NULL REFERENCES intents (id),
    created_at   BIGINT  NOT NULL,
    amount       BIGINT  NOT NULL CHECK (amount > 0),
    captured     BIGINT  NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    refunded     BIGINT  NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
    withdrawn    BIGINT  NOT NULL DEFAULT 0 CHECK (withdrawn >= 0 AND withdrawn <= captured - refunded),
    transferred  BIGINT  NOT NULL DEFAULT 0 CHECK (transferred BETWEEN 0 AND captured),
    currency     TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    released     BOOLEAN NOT NULL DEFAULT FALSE,
    disputed     BOOLEAN NOT NULL DEFAULT FALSE,
    txn          TEXT    NOT NULL DEFAULT '',
    method       TEXT    NOT NULL,
    card         TEXT    NOT NULL,
    holder       TEXT    NOT NULL,
    failure_code TEXT    NOT NULL DEFAULT '',
    decline_code TEXT    NOT NULL DEFAULT '',
    message      TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX charges_newest ON charges (created_at, id);
-- An intent is paid at most once.
CREATE UNIQUE INDEX charges_paid ON charges (intent) WHERE status <> 'failed';

CREATE TABLE refunds (
    id         TEXT COLLATE "C" PRIMARY KEY,
    intent     TEXT COLLATE "C" NOT NULL REFERENCES intents (id),
    charge     TEXT COLLATE "C" NOT NULL REFERENCES charges (id),
    created_at BIGINT NOT NULL,
    amount     BIGINT NOT NULL CHECK (amount > 0),
    currency   TEXT   NOT NULL,
    status     TEXT   NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
    reason     TEXT   NOT NULL DEFAULT '',
    metadata   TEXT   NOT NULL,
    txn        TEXT   NOT NULL,
    failure        TEXT NOT NULL DEFAULT '',
    failure_txn    TEXT NOT NULL DEFAULT '',
    CHECK ((failure_txn <> '') = (status IN ('failed', 'canceled')))
);
CREATE INDEX refunds_newest ON refunds (created_at, id);
CREATE INDEX refunds_intent ON refunds (intent);

-- Every movement of money, never changed: what comes in is positive, what goes out negative. It counts for the balance
-- that can be spent from available_at on.
CREATE TABLE ledger (
    id           TEXT COLLATE "C" PRIMARY KEY,
    created_at   BIGINT NOT NULL,
    available_at BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    intent       TEXT COLLATE "C" REFERENCES intents (id),
    charge       TEXT COLLATE "C" REFERENCES charges (id),
    refund       TEXT COLLATE "C" NOT NULL DEFAULT '',
    dispute      TEXT COLLATE "C" NOT NULL DEFAULT '',
    transfer     TEXT COLLATE "C" NOT NULL DEFAULT '',
    reversal     TEXT COLLATE "C" NOT NULL DEFAULT '',
    amount       BIGINT NOT NULL,
    currency     TEXT   NOT NULL,
    CHECK (kind IN ('capture', 'refund_failed', 'dispute_reversal', 'transfer_reversal') AND amount > 0
        OR kind IN ('refund', 'dispute', 'transfer') AND amount < 0),
    CHECK (kind IN ('transfer', 'transfer_reversal') OR intent IS NOT NULL),
    CHECK ((intent IS NULL) = (charge IS NULL)),
    CHECK ((refund <> '') = (kind IN ('refund', 'refund_failed'))),
    CHECK ((dispute <> '') = (kind IN ('dispute', 'dispute_reversal'))),
    CHECK ((transfer <> '') = (kind IN ('transfer', 'transfer_reversal'))),
    CHECK ((reversal <> '') = (kind = 'transfer_reversal'))
);
CREATE INDEX ledger_order ON ledger (created_at, id);
CREATE INDEX ledger_currency ON ledger (currency, available_at);
-- Each thing moves its money once, and gives it back once.
CREATE UNIQUE INDEX ledger_capture ON ledger (intent) WHERE kind = 'capture';
CREATE UNIQUE INDEX ledger_refund ON ledger (refund, kind) WHERE refund <> '';
CREATE UNIQUE INDEX ledger_dispute ON ledger (dispute, kind) WHERE dispute <> '';
CREATE UNIQUE INDEX ledger_transfer ON ledger (transfer) WHERE kind = 'transfer';
CREATE UNIQUE INDEX ledger_reversal ON ledger (reversal) WHERE reversal <> '';

-- What happened, with the object as it was then; what webhooks are made from.
CREATE TABLE events (
    id         TEXT COLLATE "C" PRIMARY KEY,
    created_at BIGINT NOT NULL,
    type       TEXT   NOT NULL,
    object     TEXT   NOT NULL,
    data       TEXT   NOT NULL,
    request    TEXT   NOT NULL,
    request_key TEXT  NOT NULL DEFAULT ''
);
CREATE INDEX events_newest ON events (created_at, id);

-- The first answer to each idempotency key, written with its effect.
CREATE TABLE idempotency_keys (
    key        TEXT   PRIMARY KEY,
    request    TEXT   NOT NULL,
    endpoint   TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    status     BIGINT NOT NULL DEFAULT 0,
    body       TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
