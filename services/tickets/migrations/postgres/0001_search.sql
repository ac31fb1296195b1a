ALTER TABLE tickets ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', search)) STORED;
CREATE INDEX tickets_words ON tickets USING gin (words);
