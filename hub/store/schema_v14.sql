-- Version 14: events that could not be applied, kept as they came until a release can read them; the last sign of each of
-- the hub's own incidents; an order that met a line which had just dropped is sent once more.
CREATE TABLE kept_events (
  room TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
  received_s REAL NOT NULL,
  kind TEXT NOT NULL,               -- newer message content oversized defect deadly
  reason TEXT NOT NULL,
  tried TEXT NOT NULL,              -- version of the program that could not apply it
  raw BLOB NOT NULL,
  PRIMARY KEY (room, epoch, seq)
);
CREATE TABLE own_signs (
  incident INTEGER PRIMARY KEY, room TEXT NOT NULL, rule TEXT NOT NULL,
  last_s REAL NOT NULL, count INTEGER NOT NULL DEFAULT 1
);
ALTER TABLE commands ADD COLUMN boot TEXT NOT NULL DEFAULT '';  -- what the order named of the room
ALTER TABLE commands ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
ALTER TABLE commands ADD COLUMN again INTEGER NOT NULL DEFAULT 0; -- 1: waits for a fresh nonce, 2: was sent again
ALTER TABLE commands ADD COLUMN missed_replies INTEGER NOT NULL DEFAULT 0; -- how often the room said bad_nonce of it
ALTER TABLE commands ADD COLUMN missed_events INTEGER NOT NULL DEFAULT 0;
CREATE INDEX commands_again ON commands(again) WHERE again = 1;
