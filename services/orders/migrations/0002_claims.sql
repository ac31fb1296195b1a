-- +goose Up

-- The payment that has the order: the one decision about who wins when a payment meets a cancellation or the end of the time.
ALTER TABLE orders ADD COLUMN charge_id TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN seller_id TEXT NOT NULL DEFAULT '';
UPDATE orders SET seller_id = coalesce((SELECT t.seller_id FROM tickets t WHERE t.id = orders.ticket_id), '');
