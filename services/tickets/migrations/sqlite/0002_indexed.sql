-- The service fills the index itself. A statement that a trigger makes of several has the full text index write what it holds
-- in memory each time; without, it does so once a commit.
DROP TRIGGER tickets_searchable;
DROP TRIGGER tickets_searchable_anew;
