package tickets

import "ticketing/kernel/store"

// PostgreSQL indexes the column of the words itself. SQLite has a full text index beside the table, whose rows have numbers.

// index makes a new ticket one that can be searched for.
func index(tx *store.Tx, t Ticket) error {
	if !tx.Embedded() {
		return nil
	}
	if _, err := tx.Exec(`INSERT INTO ticket_numbers (ticket_id) VALUES ($1)`, t.ID); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO ticket_search (rowid, search) VALUES (last_insert_rowid(), $1)`, t.search())
	return err
}

// indexAnew is for a ticket whose words have changed.
func indexAnew(tx *store.Tx, t Ticket) error {
	if !tx.Embedded() {
		return nil
	}
	const number = `(SELECT number FROM ticket_numbers WHERE ticket_id = $1)`
	if _, err := tx.Exec(`DELETE FROM ticket_search WHERE rowid = `+number, t.ID); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO ticket_search (rowid, search) VALUES (`+number+`, $2)`, t.ID, t.search())
	return err
}
