-- Sellers as Stripe knows them. held is counted up to hold the row in a transaction that must not overlap with another one
-- about the same seller.
CREATE TABLE sellers (
    user_id    TEXT COLLATE "C" PRIMARY KEY,
    account_id TEXT    NOT NULL DEFAULT '', -- at Stripe; empty until one is wanted
    enabled    BOOLEAN NOT NULL DEFAULT FALSE, -- it can be paid
    created_at BIGINT  NOT NULL,
    due_at     BIGINT  NOT NULL DEFAULT 0,  -- when Stripe is asked about it
    tries      BIGINT  NOT NULL DEFAULT 0,
    held       BIGINT  NOT NULL DEFAULT 0,
    CHECK (account_id <> '' OR NOT enabled)
);
CREATE UNIQUE INDEX sellers_account ON sellers (account_id) WHERE account_id <> '';
CREATE INDEX sellers_due ON sellers (due_at) WHERE due_at > 0;

-- What Stripe is asked may be about a seller too: then the seller's id stands in the place of a charge's.
CREATE TABLE stripe_requests_for_all (
    charge_id  TEXT COLLATE "C" NOT NULL,
    operation  TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    key        TEXT   NOT NULL UNIQUE,
    hash       TEXT   NOT NULL,
    failures   BIGINT NOT NULL DEFAULT 0,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (charge_id, operation, generation)
);
INSERT INTO stripe_requests_for_all (charge_id, operation, generation, key, hash, failures, made_at)
    SELECT charge_id, operation, generation, key, hash, failures, made_at FROM stripe_requests;
DROP TABLE stripe_requests;
ALTER TABLE stripe_requests_for_all RENAME TO stripe_requests;
