-- A card or a bank account that somebody entered. Its number is not here: card names the one of the table of test cards.
CREATE TABLE payment_methods (
    id         TEXT COLLATE "C" PRIMARY KEY,
    created_at BIGINT  NOT NULL,
    card       TEXT    NOT NULL,
    holder     TEXT    NOT NULL,
    used       BOOLEAN NOT NULL DEFAULT FALSE
);

-- What happens by itself, and when. The row goes in the transaction that makes it happen.
CREATE TABLE later (
    id     TEXT COLLATE "C" PRIMARY KEY,
    kind   TEXT   NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    intent TEXT COLLATE "C" NOT NULL REFERENCES intents (id),
    due_at BIGINT NOT NULL
);
CREATE INDEX later_due ON later (due_at, id);
CREATE INDEX later_object ON later (object);
CREATE INDEX later_intent ON later (intent);

-- A cardholder's complaint to their bank. amount is what it is about.
CREATE TABLE disputes (
    id         TEXT COLLATE "C" PRIMARY KEY,
    intent     TEXT COLLATE "C" NOT NULL REFERENCES intents (id),
    charge     TEXT COLLATE "C" NOT NULL REFERENCES charges (id),
    created_at BIGINT NOT NULL,
    amount     BIGINT NOT NULL CHECK (amount > 0),
    currency   TEXT   NOT NULL,
    status     TEXT   NOT NULL CHECK (status IN ('warning_needs_response', 'warning_under_review', 'warning_closed',
                                                 'needs_response', 'under_review', 'won', 'lost')),
    details    TEXT   NOT NULL
);
CREATE INDEX disputes_newest ON disputes (created_at, id);
CREATE INDEX disputes_charge ON disputes (charge);

-- An account of somebody who is paid through ours.
CREATE TABLE accounts (
    id         TEXT COLLATE "C" PRIMARY KEY,
    created_at BIGINT  NOT NULL,
    onboarded  BOOLEAN NOT NULL DEFAULT FALSE,
    deleted    BOOLEAN NOT NULL DEFAULT FALSE,
    details    TEXT    NOT NULL
);
CREATE INDEX accounts_newest ON accounts (created_at, id);

-- The address of the page where an account's owner says who they are: good once, and for a few minutes.
CREATE TABLE account_links (
    secret      TEXT PRIMARY KEY,
    account     TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    expires_at  BIGINT  NOT NULL,
    used        BOOLEAN NOT NULL DEFAULT FALSE,
    return_url  TEXT    NOT NULL,
    refresh_url TEXT    NOT NULL
);

-- Money that went to another account.
CREATE TABLE transfers (
    id         TEXT COLLATE "C" PRIMARY KEY,
    created_at BIGINT NOT NULL,
    account    TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    intent     TEXT COLLATE "C" REFERENCES intents (id),
    charge     TEXT COLLATE "C" REFERENCES charges (id),
    amount     BIGINT NOT NULL CHECK (amount > 0),
    reversed   BIGINT NOT NULL DEFAULT 0 CHECK (reversed BETWEEN 0 AND amount),
    currency   TEXT   NOT NULL,
    txn        TEXT   NOT NULL,
    grouped    TEXT   NOT NULL DEFAULT '',
    details    TEXT   NOT NULL
);
CREATE INDEX transfers_newest ON transfers (created_at, id);

CREATE TABLE transfer_reversals (
    id         TEXT COLLATE "C" PRIMARY KEY,
    created_at BIGINT NOT NULL,
    transfer   TEXT COLLATE "C" NOT NULL REFERENCES transfers (id),
    amount     BIGINT NOT NULL CHECK (amount > 0),
    currency   TEXT   NOT NULL,
    txn        TEXT   NOT NULL,
    metadata   TEXT   NOT NULL
);
CREATE INDEX transfer_reversals_newest ON transfer_reversals (created_at, id);
CREATE INDEX transfer_reversals_transfer ON transfer_reversals (transfer);

-- One row a currency, so that transfers out of one balance come one after the other.
CREATE TABLE balances (
    currency TEXT PRIMARY KEY,
    version  BIGINT NOT NULL
);
