-- What an object was like before an update, in the members that changed.
ALTER TABLE events ADD COLUMN previous TEXT NOT NULL DEFAULT '';
CREATE INDEX events_object ON events (object, created_at, id);
