CREATE TABLE tickets (
    id           TEXT COLLATE "C" PRIMARY KEY,
    user_id      TEXT COLLATE "C" NOT NULL,
    title        TEXT NOT NULL,
    price        BIGINT NOT NULL CHECK (price > 0),
    currency     TEXT NOT NULL,
    venue        TEXT NOT NULL,
    details      TEXT NOT NULL,
    search       TEXT NOT NULL,              -- the words of the three above, as they are searched for
    starts_at    BIGINT NOT NULL,            -- far in the future if there is no date, so that one index serves
    order_id     TEXT COLLATE "C",           -- the order that holds the ticket: locked, or sold to it
    locked_until BIGINT NOT NULL DEFAULT 0,
    sold_at      BIGINT NOT NULL DEFAULT 0,
    withdrawn_at BIGINT NOT NULL DEFAULT 0,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    CHECK (sold_at = 0 OR order_id IS NOT NULL),
    CHECK (withdrawn_at = 0 OR order_id IS NULL)
);

-- An order holds one ticket. Without those that nobody holds: they would look like one group worth searching.
CREATE UNIQUE INDEX tickets_holder ON tickets (order_id) WHERE order_id IS NOT NULL;

-- One index a list. There are never many locked ones, so one is enough for them. "All" says what is true
-- of each, or SQLite would take its index for what is available too, and walk past all that is sold.
CREATE INDEX tickets_available_new ON tickets (created_at, id) WHERE order_id IS NULL AND withdrawn_at = 0;
CREATE INDEX tickets_available_price ON tickets (price, id) WHERE order_id IS NULL AND withdrawn_at = 0;
CREATE INDEX tickets_available_date ON tickets (starts_at, id) WHERE order_id IS NULL AND withdrawn_at = 0;
CREATE INDEX tickets_locked_new ON tickets (created_at, id) WHERE order_id IS NOT NULL AND sold_at = 0;
CREATE INDEX tickets_sold_new ON tickets (created_at, id) WHERE sold_at > 0;
CREATE INDEX tickets_sold_price ON tickets (price, id) WHERE sold_at > 0;
CREATE INDEX tickets_sold_date ON tickets (starts_at, id) WHERE sold_at > 0;
CREATE INDEX tickets_all_new ON tickets (created_at, id) WHERE version > 0;
CREATE INDEX tickets_all_price ON tickets (price, id) WHERE version > 0;
CREATE INDEX tickets_all_date ON tickets (starts_at, id) WHERE version > 0;
CREATE INDEX tickets_seller ON tickets (user_id, created_at, id);
