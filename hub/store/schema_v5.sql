-- Version 5: boards that ask to become a room's, and rooms that a technician has handed over.
CREATE TABLE enrolments (
  fingerprint TEXT PRIMARY KEY,      -- SHA-256 of the board's public key, hex
  code TEXT NOT NULL,                -- its beginning, as people read it out
  csr TEXT NOT NULL, board TEXT NOT NULL, address TEXT NOT NULL,
  asked_s REAL NOT NULL, seen_s REAL NOT NULL,
  room TEXT NOT NULL DEFAULT '', by TEXT NOT NULL DEFAULT '', decided_s REAL NOT NULL DEFAULT 0,
  cert TEXT NOT NULL DEFAULT ''      -- empty until the authority has issued it
);
CREATE TABLE handovers (
  id INTEGER PRIMARY KEY, room TEXT NOT NULL, at_s REAL NOT NULL, by TEXT NOT NULL,
  checks TEXT NOT NULL               -- name of each check to what was found, as JSON
);
CREATE INDEX handovers_by_room ON handovers(room, at_s);
