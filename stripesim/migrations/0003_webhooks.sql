-- Where events are sent. An endpoint that a program keeps up to date by itself has a name: there is one of each.
CREATE TABLE webhook_endpoints (
    id          TEXT COLLATE "C" PRIMARY KEY,
    created_at  BIGINT  NOT NULL,
    name        TEXT COLLATE "C" NOT NULL DEFAULT '',
    url         TEXT    NOT NULL,
    types       TEXT    NOT NULL,
    enabled     BOOLEAN NOT NULL DEFAULT TRUE,
    description TEXT    NOT NULL DEFAULT '',
    metadata    TEXT    NOT NULL DEFAULT '{}',
    secret      TEXT    NOT NULL,
    old_secret  TEXT    NOT NULL DEFAULT '',
    old_until   BIGINT  NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX webhook_endpoints_name ON webhook_endpoints (name) WHERE name <> '';
CREATE INDEX webhook_endpoints_newest ON webhook_endpoints (created_at, id);

-- What is to be sent where, written with the event. An endpoint may be deleted while an event is being queued for it: no
-- foreign key refuses the event because of that, and the row is never due.
CREATE TABLE deliveries (
    event      TEXT COLLATE "C" NOT NULL REFERENCES events (id),
    endpoint   TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    status     TEXT   NOT NULL CHECK (status IN ('pending', 'delivered', 'given_up', 'dropped')),
    answer     BIGINT NOT NULL DEFAULT 0,
    failure    TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (event, endpoint)
);
CREATE INDEX deliveries_due ON deliveries (due_at, event) WHERE status = 'pending';
CREATE INDEX deliveries_newest ON deliveries (created_at, event);
CREATE INDEX deliveries_endpoint ON deliveries (endpoint);
