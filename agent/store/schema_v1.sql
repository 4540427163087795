-- The room's one database: journal and outbox. Version 1 (PRAGMA user_version). Monotonic times belong to their boot.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- Every act: the intent is committed before it is begun, the outcome after it has ended.
CREATE TABLE acts (
  act_id INTEGER PRIMARY KEY,
  remedy TEXT NOT NULL, load TEXT NOT NULL, method TEXT NOT NULL,
  mono_s REAL NOT NULL, wall_s REAL NOT NULL, synced INTEGER NOT NULL, boot TEXT NOT NULL,
  fault TEXT NOT NULL, command TEXT NOT NULL, by TEXT NOT NULL,
  outcome TEXT NOT NULL DEFAULT '',  -- empty while it is under way
  sum INTEGER NOT NULL DEFAULT 0     -- over all columns but the outcome: a card may give back other bytes
);
CREATE INDEX acts_open ON acts(outcome) WHERE outcome = '';

-- How each load stands, beside its acts.
CREATE TABLE loads (
  load TEXT PRIMARY KEY,
  off INTEGER NOT NULL,      -- switched off on purpose
  shed INTEGER NOT NULL,     -- off because the mains was lost
  latched INTEGER NOT NULL,  -- waits for a person
  boot_s REAL NOT NULL,      -- how long it takes to serve after a restart, 0: not measured yet
  sum INTEGER NOT NULL       -- over all columns, as that of an act
);

CREATE TABLE faults (rule TEXT PRIMARY KEY, body BLOB NOT NULL);

-- Events that the hub has not acknowledged yet.
CREATE TABLE outbox (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL);

-- Metric batches of a time without the hub.
CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL);
