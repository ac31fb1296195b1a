-- What else of an order matters: the charge that has it, which alone may take money that is held, and what its seller sold.
ALTER TABLE orders ADD COLUMN charge_id TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN seller_id TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN ticket_id TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN title     TEXT NOT NULL DEFAULT '';

ALTER TABLE charges ADD COLUMN hold          BOOLEAN NOT NULL DEFAULT FALSE; -- money is held first and taken when the order is won
ALTER TABLE charges ADD COLUMN return_url    TEXT    NOT NULL DEFAULT '';
ALTER TABLE charges ADD COLUMN waiting       BOOLEAN NOT NULL DEFAULT FALSE; -- for its order to be won, and nobody attends
ALTER TABLE charges ADD COLUMN refund_status TEXT    NOT NULL DEFAULT '';    -- due, pending, succeeded, failed
UPDATE charges SET refund_status = CASE WHEN stripe_refund_id <> '' THEN 'succeeded' WHEN refund_due THEN 'due' ELSE '' END;

-- What Stripe is asked to do, written down before it is asked: each operation of a charge under a key of its own, with the
-- hash of the request that the key belongs to. A key that is of no use any more is followed by the next generation.
CREATE TABLE stripe_requests (
    charge_id  TEXT COLLATE "C" NOT NULL REFERENCES charges (id),
    operation  TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    key        TEXT   NOT NULL UNIQUE,
    hash       TEXT   NOT NULL,
    failures   BIGINT NOT NULL DEFAULT 0, -- answers of Stripe that it failed inside
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (charge_id, operation, generation)
);

-- Every refund that Stripe knows of our charges, as it was last seen.
CREATE TABLE refunds (
    id         TEXT COLLATE "C" PRIMARY KEY, -- Stripe's
    charge_id  TEXT COLLATE "C" NOT NULL REFERENCES charges (id),
    amount     BIGINT NOT NULL CHECK (amount > 0),
    status     TEXT   NOT NULL,
    reason     TEXT   NOT NULL DEFAULT '', -- why it failed
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX refunds_charge ON refunds (charge_id);
