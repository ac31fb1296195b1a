-- The payment that has the order: the one decision about who wins when a payment meets a cancellation or the end of the time.
-- Those that are in flight have theirs from the start.
ALTER TABLE orders ADD COLUMN charge_id TEXT NOT NULL DEFAULT '' CHECK (charge_id = '' OR status IN ('AwaitingPayment', 'Completed'));
ALTER TABLE orders ADD COLUMN seller_id TEXT NOT NULL DEFAULT '';
UPDATE orders SET seller_id = coalesce((SELECT t.seller_id FROM tickets t WHERE t.id = orders.ticket_id), '');
UPDATE orders SET charge_id = coalesce((SELECT min(c.id) FROM charges c WHERE c.order_id = orders.id AND c.status = 'Created'), '')
    WHERE status = 'AwaitingPayment';
