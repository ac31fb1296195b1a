-- In what Stripe's books and ours did not agree. A row is open until fixed_at.
CREATE TABLE discrepancies (
    kind       TEXT NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL, -- Stripe's id of the refund or the intent, else our charge's
    intent_id  TEXT NOT NULL,
    refund_id  TEXT NOT NULL,
    charge_id  TEXT NOT NULL,
    order_id   TEXT NOT NULL,
    sentence   TEXT NOT NULL,
    remedy     TEXT NOT NULL, -- what is done about it; empty: an operator has to look
    outcome    TEXT NOT NULL DEFAULT '',
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    fixed_at   BIGINT NOT NULL DEFAULT 0,
    tries      BIGINT NOT NULL DEFAULT 0,
    next_try   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX discrepancies_open ON discrepancies (last_seen) WHERE fixed_at = 0;
CREATE INDEX discrepancies_fixed ON discrepancies (fixed_at) WHERE fixed_at > 0;

-- How far the comparison has come. Everything that was made before recent_to has been looked at once; the slow pass over
-- everything goes back in time from its beginning, and has come to full_at.
CREATE TABLE reconciler (
    one        BIGINT PRIMARY KEY CHECK (one = 1),
    recent_to  BIGINT NOT NULL DEFAULT 0,
    recent_at  BIGINT NOT NULL DEFAULT 0, -- when the last look at what is recent ended
    full_began BIGINT NOT NULL DEFAULT 0,
    full_at    BIGINT NOT NULL DEFAULT 0,
    full_ended BIGINT NOT NULL DEFAULT 0  -- 0 while one is under way
);
INSERT INTO reconciler (one) VALUES (1);

CREATE INDEX charges_created ON charges (created_at, id);
CREATE INDEX refunds_created ON refunds (created_at, id);
CREATE INDEX charges_refunds ON charges (refund_status) WHERE refund_due OR refund_status <> '';
