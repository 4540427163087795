-- The hub's database, version 1. Plain SQL that SQLite and PostgreSQL both take; all times are Unix seconds, UTC.
-- Old files are migrated by the numbered files that follow; none is ever rewritten.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- The site tree. Levels are configurable (province, cluster, commune, site); key sites by administrative code, never by name.
CREATE TABLE nodes (
  id INTEGER PRIMARY KEY,
  parent INTEGER REFERENCES nodes(id),
  level TEXT NOT NULL,
  code TEXT NOT NULL,               -- unique within its level
  name TEXT NOT NULL,
  folded TEXT NOT NULL,             -- name and aliases without marks, for search
  sort_key TEXT NOT NULL,
  aliases TEXT NOT NULL DEFAULT '[]',
  UNIQUE (level, code)
);

CREATE TABLE rooms (
  room TEXT PRIMARY KEY,            -- opaque id, as in the topic
  node INTEGER NOT NULL REFERENCES nodes(id),
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  sort_key TEXT NOT NULL,
  aliases TEXT NOT NULL DEFAULT '[]',
  contact TEXT NOT NULL DEFAULT '', -- the person in the room
  phone TEXT NOT NULL DEFAULT '',
  installed INTEGER NOT NULL DEFAULT 1,
  note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX rooms_by_node ON rooms(node);

-- One row a room: what it last said of itself.
CREATE TABLE twins (
  room TEXT PRIMARY KEY,
  verdict TEXT NOT NULL DEFAULT 'unknown', -- ready check fault lost unknown maintenance not_installed
  heard_s REAL NOT NULL DEFAULT 0,         -- hub's clock, any message
  online INTEGER NOT NULL DEFAULT 0,
  asleep INTEGER NOT NULL DEFAULT 0,
  lost_since_s REAL NOT NULL DEFAULT 0,
  boot TEXT NOT NULL DEFAULT '',
  connection INTEGER NOT NULL DEFAULT 0,
  version TEXT NOT NULL DEFAULT '',
  nonce TEXT NOT NULL DEFAULT '',
  nonce_heard_s REAL NOT NULL DEFAULT 0,
  counter INTEGER NOT NULL DEFAULT 0,      -- last command counter used or reported
  in_call INTEGER,                         -- NULL: not known
  mode TEXT NOT NULL DEFAULT '',
  state_mono_s REAL NOT NULL DEFAULT -1,   -- orders states within a boot
  state_s REAL NOT NULL DEFAULT 0,         -- wall time of the state
  state_raw BLOB,                          -- the state as it came, unknown fields kept
  outbox INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0
);

-- How far each room's events have been committed without a gap.
CREATE TABLE acked (
  room TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (room, epoch)
);

-- Every event once, whatever the network did to it.
CREATE TABLE events (
  room TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at_s REAL NOT NULL,               -- the room's wall clock
  received_s REAL NOT NULL,         -- the hub's
  backfilled INTEGER NOT NULL DEFAULT 0, -- heard long after it happened: never pages
  rule TEXT NOT NULL DEFAULT '',
  fault_id INTEGER NOT NULL DEFAULT 0,
  incident INTEGER,
  raw BLOB NOT NULL,
  PRIMARY KEY (room, epoch, seq)
);
CREATE INDEX events_by_incident ON events(incident, at_s);
CREATE INDEX events_by_room ON events(room, at_s);

-- One incident per fault episode. (room, epoch, fault_id) is the room's own numbering; the hub's own use epoch 'hub'.
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY,
  room TEXT NOT NULL, epoch TEXT NOT NULL, fault_id INTEGER NOT NULL,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL,
  phase TEXT NOT NULL,              -- confirmed remedying settling escalated clear
  needs_person INTEGER NOT NULL DEFAULT 0,
  opened_s REAL NOT NULL,           -- first symptom
  confirmed_s REAL NOT NULL,
  escalated_s REAL NOT NULL DEFAULT 0,
  closed_s REAL NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '', -- healed_by_room, healed_by_order, recovered, superseded
  refused TEXT NOT NULL DEFAULT '', -- why the next remedy waits
  remedies TEXT NOT NULL DEFAULT '[]', -- names in the order tried
  reason TEXT NOT NULL DEFAULT '',
  words TEXT NOT NULL DEFAULT '{}',
  acked_by TEXT NOT NULL DEFAULT '', acked_s REAL NOT NULL DEFAULT 0,
  shelved_by TEXT NOT NULL DEFAULT '', shelved_until_s REAL NOT NULL DEFAULT 0, shelved_reason TEXT NOT NULL DEFAULT '',
  UNIQUE (room, epoch, fault_id)
);
CREATE INDEX incidents_open ON incidents(closed_s, severity);
CREATE INDEX incidents_by_room ON incidents(room, opened_s);

CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  incident INTEGER NOT NULL REFERENCES incidents(id),
  at_s REAL NOT NULL, by TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX notes_by_incident ON notes(incident);

-- Orders given at the console and what became of them.
CREATE TABLE commands (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL DEFAULT '',
  incident INTEGER,
  counter INTEGER NOT NULL DEFAULT 0,
  created_s REAL NOT NULL, sent_s REAL NOT NULL DEFAULT 0, ended_s REAL NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT 'waiting', -- waiting sent accepted done failed refused expired
  reason TEXT NOT NULL DEFAULT '',
  act_id INTEGER NOT NULL DEFAULT 0,
  proof TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX commands_by_room ON commands(room, created_s);

CREATE TABLE meetings (id TEXT PRIMARY KEY, title TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL);
CREATE TABLE meeting_rooms (meeting TEXT NOT NULL, room TEXT NOT NULL, PRIMARY KEY (meeting, room));
CREATE TABLE desired (room TEXT PRIMARY KEY, version INTEGER NOT NULL, raw BLOB NOT NULL);

-- History: one row per room, fact and hour; `hub/history/chunks.py` gives the layout of `samples`.
CREATE TABLE history (
  room TEXT NOT NULL, fact TEXT NOT NULL, hour INTEGER NOT NULL, -- Unix seconds / 3600
  count INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, total REAL NOT NULL,
  samples BLOB NOT NULL,
  PRIMARY KEY (room, fact, hour)
);

CREATE TABLE users (
  name TEXT PRIMARY KEY, hash TEXT NOT NULL, role TEXT NOT NULL, -- viewer operator technician admin
  full_name TEXT NOT NULL DEFAULT '', language TEXT NOT NULL DEFAULT 'vi', disabled INTEGER NOT NULL DEFAULT 0,
  created_s REAL NOT NULL
);
CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL,
  created_s REAL NOT NULL, seen_s REAL NOT NULL, expires_s REAL NOT NULL
);
CREATE TABLE audit (id INTEGER PRIMARY KEY, at_s REAL NOT NULL, by TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '{}');

-- What could not be read: shown on the hub's health page, at most 1,000 rows kept.
CREATE TABLE set_aside (
  id INTEGER PRIMARY KEY, at_s REAL NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL, count INTEGER NOT NULL DEFAULT 1
);
