-- Whether a failed payment is one of the attempts that a buyer has. One that never got to the bank is not.
ALTER TABLE charges ADD COLUMN attempt BOOLEAN NOT NULL DEFAULT TRUE;
