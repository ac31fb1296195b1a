-- One row for each order that is not decided yet.
CREATE TABLE deadlines (
    order_id   TEXT COLLATE "C" PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,           -- when to say so next
    said       BIGINT NOT NULL DEFAULT 0  -- how often it has been said
);
CREATE INDEX deadlines_due ON deadlines (due_at);
