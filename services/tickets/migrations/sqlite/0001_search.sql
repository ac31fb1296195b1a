-- The words are folded before they get here. The tokenizer ascii takes them as they are; another one would fold once more.
-- A full text index has numbers for its rows. They are kept here, since the hidden ones of tickets may change.
CREATE TABLE ticket_numbers (
    number    INTEGER PRIMARY KEY,
    ticket_id TEXT NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE ticket_search USING fts5 (search, content = '', contentless_delete = 1, prefix = '2 3', tokenize = 'ascii');

CREATE TRIGGER tickets_searchable AFTER INSERT ON tickets BEGIN
    INSERT INTO ticket_numbers (ticket_id) VALUES (new.id);
    INSERT INTO ticket_search (rowid, search) SELECT number, new.search FROM ticket_numbers WHERE ticket_id = new.id;
END;

CREATE TRIGGER tickets_searchable_anew AFTER UPDATE OF search ON tickets WHEN old.search <> new.search BEGIN
    DELETE FROM ticket_search WHERE rowid = (SELECT number FROM ticket_numbers WHERE ticket_id = new.id);
    INSERT INTO ticket_search (rowid, search) SELECT number, new.search FROM ticket_numbers WHERE ticket_id = new.id;
END;
