-- Orders as their events tell: a copy that only the follower writes. held is counted up to hold the row in a transaction
-- that must not overlap with another one about the same order.
CREATE TABLE orders (
    id            TEXT COLLATE "C" PRIMARY KEY,
    user_id       TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    cancel_reason TEXT   NOT NULL,
    expires_at    BIGINT NOT NULL,
    amount        BIGINT NOT NULL,
    currency      TEXT   NOT NULL,
    held          BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE charges (
    id               TEXT COLLATE "C" PRIMARY KEY,
    order_id         TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    status           TEXT    NOT NULL CHECK (status IN ('Created', 'Failed', 'Completed')),
    amount           BIGINT  NOT NULL CHECK (amount > 0),
    currency         TEXT    NOT NULL,
    token            TEXT    NOT NULL,
    stripe_id        TEXT    NOT NULL DEFAULT '',
    stripe_refund_id TEXT    NOT NULL DEFAULT '',
    failure_code     TEXT    NOT NULL DEFAULT '',
    step             BOOLEAN NOT NULL DEFAULT FALSE,
    refund_due       BOOLEAN NOT NULL DEFAULT FALSE,
    due_at           BIGINT  NOT NULL DEFAULT 0,
    tries            BIGINT  NOT NULL DEFAULT 0,
    version          BIGINT  NOT NULL,
    created_at       BIGINT  NOT NULL,
    updated_at       BIGINT  NOT NULL,
    CHECK (stripe_refund_id = '' OR status = 'Completed'),
    CHECK (NOT refund_due OR status = 'Completed')
);
-- An order has at most one charge that has taken money or still may.
CREATE UNIQUE INDEX charges_live ON charges (order_id) WHERE status IN ('Created', 'Completed');
CREATE INDEX charges_order ON charges (order_id, created_at, id);
CREATE INDEX charges_stripe ON charges (stripe_id);
CREATE INDEX charges_due ON charges (due_at) WHERE due_at > 0;
