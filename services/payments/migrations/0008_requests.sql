-- A request's key follows from what it is about, so that the primary key keeps it from coming twice.
CREATE TABLE stripe_requests_once (
    charge_id  TEXT COLLATE "C" NOT NULL,
    operation  TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    key        TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    failures   BIGINT NOT NULL DEFAULT 0,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (charge_id, operation, generation)
);
INSERT INTO stripe_requests_once (charge_id, operation, generation, key, hash, failures, made_at)
    SELECT charge_id, operation, generation, key, hash, failures, made_at FROM stripe_requests;
DROP TABLE stripe_requests;
ALTER TABLE stripe_requests_once RENAME TO stripe_requests;
