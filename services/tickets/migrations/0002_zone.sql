ALTER TABLE tickets ADD COLUMN time_zone TEXT NOT NULL DEFAULT ''; -- of the event, by its IANA name
