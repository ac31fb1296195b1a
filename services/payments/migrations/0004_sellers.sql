-- The ledger: double entry, and nothing in it is ever changed or taken out. An entry is told apart by what it books, so that
-- nothing is booked twice. Its lines sum to zero. Credits are positive: what is owed to somebody; Stripe, where the money
-- lies, is negative by as much as it holds.
CREATE TABLE ledger_entries (
    kind      TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL, -- a charge's id, or that of a refund or a transfer at Stripe
    charge_id TEXT COLLATE "C" NOT NULL REFERENCES charges (id),
    order_id  TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    currency  TEXT   NOT NULL,           -- of all its lines
    memo      TEXT   NOT NULL,
    booked_at BIGINT NOT NULL,
    PRIMARY KEY (kind, reference)
);
CREATE INDEX ledger_entries_order ON ledger_entries (order_id);

CREATE TABLE ledger_lines (
    kind      TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    amount    BIGINT NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (kind, reference, account),
    FOREIGN KEY (kind, reference) REFERENCES ledger_entries (kind, reference)
);

-- The sums of the lines, kept in the transactions that write them, so that a balance costs the same after a million sales.
-- Each process adds up in a drawer of its own and so never waits for another.
CREATE TABLE ledger_balances (
    account  TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    drawer   BIGINT NOT NULL,
    amount   BIGINT NOT NULL,
    PRIMARY KEY (account, currency, kind, drawer)
);

-- What sellers sold. What is earned and the fee are as they were agreed when it was sold.
CREATE TABLE sales (
    id           TEXT COLLATE "C" PRIMARY KEY,
    order_id     TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES orders (id),
    charge_id    TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES charges (id),
    seller_id    TEXT COLLATE "C" NOT NULL,
    ticket_id    TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    price        BIGINT NOT NULL CHECK (price > 0),
    rate         BIGINT NOT NULL CHECK (rate BETWEEN 0 AND 10000), -- of the fee, in basis points
    fee          BIGINT NOT NULL CHECK (fee BETWEEN 0 AND price),
    earned       BIGINT NOT NULL CHECK (earned = price - fee),
    currency     TEXT   NOT NULL,
    returned     BIGINT NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND earned),   -- of what was earned, to the buyer
    fee_returned BIGINT NOT NULL DEFAULT 0 CHECK (fee_returned BETWEEN 0 AND fee),
    status       TEXT   NOT NULL CHECK (status IN ('pending', 'available', 'paid', 'reversed')),
    asked        BIGINT NOT NULL DEFAULT 0, -- what Stripe is being asked to transfer, until it has answered
    paid         BIGINT NOT NULL DEFAULT 0,
    transfer_id  TEXT   NOT NULL DEFAULT '',
    sold_at      BIGINT NOT NULL,
    paid_at      BIGINT NOT NULL DEFAULT 0,
    due_at       BIGINT NOT NULL DEFAULT 0,
    tries        BIGINT NOT NULL DEFAULT 0,
    CHECK (paid = 0 OR transfer_id <> ''),
    CHECK (transfer_id = '' OR status IN ('paid', 'reversed'))
);
CREATE INDEX sales_seller ON sales (seller_id, sold_at, id);
CREATE INDEX sales_pending ON sales (sold_at, id) WHERE status = 'pending';
CREATE INDEX sales_due ON sales (due_at) WHERE status <> 'pending' AND due_at > 0;
CREATE INDEX sales_parked ON sales (seller_id) WHERE status = 'available' AND due_at = 0;
CREATE UNIQUE INDEX sales_transfer ON sales (transfer_id) WHERE transfer_id <> '';

-- What was paid and given back before there was a ledger.
INSERT INTO ledger_entries (kind, reference, charge_id, order_id, currency, memo, booked_at)
    SELECT 'capture', id, id, order_id, currency, stripe_id, updated_at FROM charges WHERE status = 'Completed';
INSERT INTO ledger_lines (kind, reference, account, amount)
    SELECT 'capture', id, 'stripe', -amount FROM charges WHERE status = 'Completed';
INSERT INTO ledger_lines (kind, reference, account, amount)
    SELECT 'capture', id, 'orders', amount FROM charges WHERE status = 'Completed';
INSERT INTO refunds (id, charge_id, amount, status, created_at, updated_at)
    SELECT stripe_refund_id, id, amount, 'succeeded', updated_at, updated_at FROM charges
        WHERE stripe_refund_id <> '' AND id NOT IN (SELECT charge_id FROM refunds);
INSERT INTO ledger_entries (kind, reference, charge_id, order_id, currency, memo, booked_at)
    SELECT 'refund', r.id, c.id, c.order_id, c.currency, '', r.updated_at FROM refunds r JOIN charges c ON c.id = r.charge_id
        WHERE r.status NOT IN ('failed', 'canceled');
INSERT INTO ledger_lines (kind, reference, account, amount)
    SELECT 'refund', id, 'orders', -amount FROM refunds WHERE status NOT IN ('failed', 'canceled');
INSERT INTO ledger_lines (kind, reference, account, amount)
    SELECT 'refund', id, 'stripe', amount FROM refunds WHERE status NOT IN ('failed', 'canceled');
INSERT INTO ledger_balances (account, currency, kind, drawer, amount)
    SELECT l.account, e.currency, e.kind, 0, sum(l.amount) FROM ledger_lines l
        JOIN ledger_entries e ON e.kind = l.kind AND e.reference = l.reference GROUP BY l.account, e.currency, e.kind;
