CREATE TABLE orders (
    id             TEXT COLLATE "C" PRIMARY KEY,
    user_id        TEXT COLLATE "C" NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('Created', 'AwaitingPayment', 'Completed', 'Cancelled')),
    cancel_reason  TEXT NOT NULL DEFAULT '',
    expires_at     BIGINT NOT NULL,
    ticket_id      TEXT COLLATE "C" NOT NULL,
    ticket_version BIGINT NOT NULL,          -- the ticket as the buyer saw it, from here to currency
    title          TEXT NOT NULL,
    price          BIGINT NOT NULL CHECK (price > 0),
    currency       TEXT NOT NULL,
    refused_at     BIGINT NOT NULL DEFAULT 0, -- the ticket's version that could not be locked
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    CHECK ((status = 'Cancelled') = (cancel_reason <> ''))
);

-- What must never happen: two orders that are alive, or paid, for one ticket.
CREATE UNIQUE INDEX orders_one_a_ticket ON orders (ticket_id) WHERE status <> 'Cancelled';
CREATE INDEX orders_of_buyer ON orders (user_id, created_at, id);

-- What is known of the tickets, from their events.
CREATE TABLE tickets (
    id        TEXT COLLATE "C" PRIMARY KEY,
    seller_id TEXT NOT NULL,
    title     TEXT NOT NULL,
    price     BIGINT NOT NULL,
    currency  TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    status    TEXT NOT NULL,
    order_id  TEXT NOT NULL,
    version   BIGINT NOT NULL
);

-- What is known of the payments, from their events.
CREATE TABLE charges (
    id         TEXT COLLATE "C" PRIMARY KEY,
    order_id   TEXT COLLATE "C" NOT NULL,
    status     TEXT NOT NULL,
    version    BIGINT NOT NULL
);
CREATE INDEX charges_of_order ON charges (order_id);
