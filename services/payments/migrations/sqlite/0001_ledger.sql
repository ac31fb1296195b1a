-- What is in the ledger stays as it is.

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_remain BEFORE DELETE ON ledger_entries BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_lines_stay BEFORE UPDATE ON ledger_lines BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_lines_remain BEFORE DELETE ON ledger_lines BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
