CREATE TABLE idempotency_keys (
	caller      TEXT COLLATE "C" NOT NULL,   -- user id, empty for somebody who is not signed in
	target      TEXT COLLATE "C" NOT NULL,   -- method and path
	name        TEXT COLLATE "C" NOT NULL,   -- the key as the client sent it
	salt        TEXT NOT NULL,   -- of the fingerprint; empty where the body holds no secret
	fingerprint TEXT NOT NULL,   -- of the body
	entity_id   TEXT NOT NULL,   -- what the request creates gets this id, whichever attempt creates it
	attempt     BIGINT NOT NULL, -- only the newest attempt may store its answer
	claimed_at  BIGINT NOT NULL, -- when that attempt began; 0: another may begin at once
	created_at  BIGINT NOT NULL,
	status      BIGINT NOT NULL, -- 0 while there is no answer
	headers     TEXT NOT NULL,
	body        TEXT NOT NULL,
	PRIMARY KEY (caller, target, name)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
