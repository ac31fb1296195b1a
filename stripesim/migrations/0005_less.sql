-- Every purchase paid for what is seldom looked for, or can be found in another way. Ids are in the order of time.
DROP INDEX deliveries_newest;
DROP INDEX deliveries_endpoint;
DROP INDEX events_object;
CREATE INDEX events_updated ON events (object, created_at, id) WHERE substr(object, 1, 3) NOT IN ('pi_', 'ch_');

-- The row is held by reading it FOR UPDATE.
ALTER TABLE intents DROP COLUMN version;

-- When a hold ends by itself, 0 if nothing is held: most are captured long before, and then there is nothing to be done later.
ALTER TABLE intents ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
UPDATE intents SET expires_at = (SELECT max(due_at) FROM later WHERE kind = 'expire' AND object = intents.id)
    WHERE status = 'requires_capture' AND id IN (SELECT object FROM later WHERE kind = 'expire');
DELETE FROM later WHERE kind = 'expire';
CREATE INDEX intents_held ON intents (expires_at, id) WHERE expires_at > 0;

-- Metadata are looked for by name and value alone.
CREATE TABLE intent_metadata_by_value (
    name   TEXT COLLATE "C" NOT NULL,
    value  TEXT COLLATE "C" NOT NULL,
    intent TEXT COLLATE "C" NOT NULL REFERENCES intents (id),
    PRIMARY KEY (name, value, intent)
);
INSERT INTO intent_metadata_by_value (name, value, intent) SELECT name, value, intent FROM intent_metadata;
DROP TABLE intent_metadata;
ALTER TABLE intent_metadata_by_value RENAME TO intent_metadata;

-- The answer to most requests is the object of the newest event that they caused, which is stored with that alone.
ALTER TABLE idempotency_keys ADD COLUMN event TEXT COLLATE "C" NOT NULL DEFAULT '';
