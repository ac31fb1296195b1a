-- What the service has said. A row is for ever; seq is its place in the event log, once the log has it.
CREATE TABLE outbox (
    id       TEXT COLLATE "C" PRIMARY KEY,
    kind     TEXT COLLATE "C" NOT NULL,
    entity   TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    type     TEXT NOT NULL,
    document TEXT NOT NULL,
    seq      BIGINT,
    UNIQUE (kind, entity, version)
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE seq IS NULL;
CREATE INDEX outbox_published ON outbox (seq) WHERE seq IS NOT NULL;

-- The event log that the places are places of: which one, and how many messages it had lost when it was last compared.
CREATE TABLE outbox_log (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    identity TEXT NOT NULL,
    lost     BIGINT NOT NULL
);

-- The newest version that was applied of each entity that the service follows.
CREATE TABLE inbox (
    kind    TEXT COLLATE "C" NOT NULL,
    entity  TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, entity)
);

-- Events that could not be applied: to be tried again at next_at, or parked for an operator.
CREATE TABLE failed_event (
    id        TEXT COLLATE "C" PRIMARY KEY,
    kind      TEXT COLLATE "C" NOT NULL,
    entity    TEXT COLLATE "C" NOT NULL,
    version   BIGINT NOT NULL,
    document  TEXT NOT NULL,
    attempts  BIGINT NOT NULL,
    error     TEXT NOT NULL,
    failed_at BIGINT NOT NULL,
    next_at   BIGINT NOT NULL,
    parked    BOOLEAN NOT NULL
);
