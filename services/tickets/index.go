package tickets

import "ticketing/kernel/store"

// Both engines have their full text index beside the table, so that a lock or a sale leaves it alone. The rows of SQLite's have
// numbers.

// vector takes the words as they are. PostgreSQL's parser would read numbers, addresses and more into them, and SQLite's does not.
const vector = `array_to_tsvector(array_remove(string_to_array($2, ' '), ''))`

// index makes a new ticket one that can be searched for.
func index(tx *store.Tx, t Ticket) error {
	if !tx.Embedded() {
		return tx.Do(`INSERT INTO ticket_words (ticket_id, words) VALUES ($1, `+vector+`)`, t.ID, t.search())
	}
	if err := tx.Do(`INSERT INTO ticket_numbers (ticket_id) VALUES ($1)`, t.ID); err != nil {
		return err
	}
	return tx.Do(`INSERT INTO ticket_search (rowid, search) VALUES (last_insert_rowid(), $1)`, t.search())
}

// indexAnew is for a ticket whose words have changed.
func indexAnew(tx *store.Tx, t Ticket) error {
	if !tx.Embedded() {
		return tx.Do(`UPDATE ticket_words SET words = `+vector+` WHERE ticket_id = $1`, t.ID, t.search())
	}
	const number = `(SELECT number FROM ticket_numbers WHERE ticket_id = $1)`
	if err := tx.Do(`DELETE FROM ticket_search WHERE rowid = `+number, t.ID); err != nil {
		return err
	}
	return tx.Do(`INSERT INTO ticket_search (rowid, search) VALUES (`+number+`, $2)`, t.ID, t.search())
}
