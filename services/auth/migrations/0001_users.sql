-- Accounts. The unique index decides who gets an e-mail.
CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    email          TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash  TEXT   NOT NULL,
    session_epoch  BIGINT NOT NULL,
    kept_session   TEXT   NOT NULL,
    epoch_began_at BIGINT NOT NULL,
    ended_sessions TEXT   NOT NULL,
    version        BIGINT NOT NULL CHECK (version > 0),
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);

-- Keys that sign sessions. One signs, retired_at = 0; the others verify until no session of theirs can be alive.
CREATE TABLE keys (
    kid        TEXT PRIMARY KEY,
    seed       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX keys_one_signs ON keys (retired_at) WHERE retired_at = 0;
