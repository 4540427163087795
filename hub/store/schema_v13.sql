-- Version 13: when a temporary password was given. It ends after three days.
ALTER TABLE users ADD COLUMN given_s REAL NOT NULL DEFAULT 0;   -- 0: no temporary one, or from before this version
