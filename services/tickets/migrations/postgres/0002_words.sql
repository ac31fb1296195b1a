-- The words are taken as they are: PostgreSQL's parser reads numbers, addresses and more into them, and SQLite's does not.
DROP INDEX tickets_words;
ALTER TABLE tickets DROP COLUMN words;
ALTER TABLE tickets ADD COLUMN words tsvector GENERATED ALWAYS AS
    (array_to_tsvector(array_remove(string_to_array(search, ' '), ''))) STORED;
CREATE INDEX tickets_words ON tickets USING gin (words);
