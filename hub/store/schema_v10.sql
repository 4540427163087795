-- Version 10: tokens of other systems, and where in the site tree each may look and act.
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,         -- SHA-256 of the token, hex; the token itself is nowhere
  rights TEXT NOT NULL,              -- words with blanks between
  by TEXT NOT NULL, created_s REAL NOT NULL, expires_s REAL NOT NULL,
  seen_s REAL NOT NULL DEFAULT 0, seen_from TEXT NOT NULL DEFAULT '',
  revoked_s REAL NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX tokens_by_name ON tokens(name) WHERE revoked_s = 0;
-- As user_scopes: none means the whole tree.
CREATE TABLE token_scopes (token INTEGER NOT NULL, node INTEGER NOT NULL, PRIMARY KEY (token, node));
