-- Version 9: where a session came from, passwords that were given and not chosen, and the second step of signing in.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';   -- as the browser names itself, cut
CREATE INDEX sessions_by_user ON sessions(user);
ALTER TABLE users ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;

-- RFC 6238. The secret must be readable to compute a code from it; docs/security.md says what that means.
CREATE TABLE totp (
  user TEXT PRIMARY KEY, secret TEXT NOT NULL,  -- base32
  since_s REAL NOT NULL DEFAULT 0,              -- 0: offered, and not yet confirmed by a code
  step INTEGER NOT NULL DEFAULT 0               -- the newest step of 30 s a code was taken of: none before is again
);
CREATE TABLE recovery_codes (hash TEXT PRIMARY KEY, user TEXT NOT NULL);
CREATE INDEX recovery_codes_by_user ON recovery_codes(user);
