-- What these indexes say is true of each ticket, and of none does it ever change: with a column that an update writes, as the
-- version, every lock and every sale would take the ticket out of all three and put it back.
DROP INDEX tickets_all_new;
DROP INDEX tickets_all_price;
DROP INDEX tickets_all_date;
CREATE INDEX tickets_all_new ON tickets (created_at, id) WHERE id <> '';
CREATE INDEX tickets_all_price ON tickets (price, id) WHERE id <> '';
CREATE INDEX tickets_all_date ON tickets (starts_at, id) WHERE id <> '';
