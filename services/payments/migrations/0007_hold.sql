ALTER TABLE orders DROP COLUMN held; -- the row is held by reading it FOR UPDATE
