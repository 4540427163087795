-- The hub's database, version 1. Plain SQL that SQLite and PostgreSQL both take; all times are Unix seconds, UTC.
-- What a later release adds stands in a file of the next number; no file that was released is ever rewritten.

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
CREATE INDEX nodes_by_parent ON nodes(parent);

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
  dropped INTEGER NOT NULL DEFAULT 0,
  status_mono_s REAL NOT NULL DEFAULT -1,  -- orders statuses within a boot
  past_boots TEXT NOT NULL DEFAULT '',     -- tells the boots that are over from a new one
  unseen TEXT NOT NULL DEFAULT '',         -- why its state does not show whether it can meet: hub/core/twin.py
  unknown_why TEXT NOT NULL DEFAULT ''     -- why the verdict is unknown; empty: it is another one
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
CREATE INDEX events_by_fault ON events(room, epoch, fault_id);
-- Refused orders are few, and looked for in all rooms at a time.
CREATE INDEX events_refused ON events(received_s) WHERE kind = 'command_refused';

-- Events that could not be applied, kept as they came until a release can read them.
CREATE TABLE kept_events (
  room TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
  received_s REAL NOT NULL,
  kind TEXT NOT NULL,               -- newer message content oversized defect deadly
  reason TEXT NOT NULL,
  tried TEXT NOT NULL,              -- version of the program that could not apply it
  raw BLOB NOT NULL,
  PRIMARY KEY (room, epoch, seq)
);

-- What could not be read: shown on the hub's health page, at most 1,000 rows kept.
CREATE TABLE set_aside (
  id INTEGER PRIMARY KEY, at_s REAL NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL, count INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX set_aside_by_kind ON set_aside(topic, reason);

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
  outcome TEXT NOT NULL DEFAULT '', -- room order person with_cause itself; superseded
  refused TEXT NOT NULL DEFAULT '', -- why the next remedy waits
  remedies TEXT NOT NULL DEFAULT '[]', -- names in the order tried
  own_acts INTEGER NOT NULL DEFAULT 0, -- acts that the room began by itself
  reason TEXT NOT NULL DEFAULT '',
  words TEXT NOT NULL DEFAULT '{}',
  acked_by TEXT NOT NULL DEFAULT '', acked_s REAL NOT NULL DEFAULT 0,
  shelved_by TEXT NOT NULL DEFAULT '', shelved_until_s REAL NOT NULL DEFAULT 0, shelved_reason TEXT NOT NULL DEFAULT '',
  grp TEXT NOT NULL DEFAULT '',     -- shared by incidents of one cause, e.g. a silent cluster; empty: it stands alone
  nth INTEGER NOT NULL DEFAULT 0,   -- how many-th of its series: the same rule in the same room, within an hour of its last end
  first_s REAL NOT NULL DEFAULT 0,  -- when the series began
  often_s REAL NOT NULL DEFAULT 0,  -- since when the series comes so often that it needs a person; 0: it does not
  again INTEGER NOT NULL DEFAULT 0, -- 1: another one followed; the series is shown by its last
  UNIQUE (room, epoch, fault_id)
);
CREATE INDEX incidents_open ON incidents(closed_s, severity);
CREATE INDEX incidents_by_room ON incidents(room, opened_s);

-- The last sign of each of the hub's own incidents.
CREATE TABLE own_signs (
  incident INTEGER PRIMARY KEY, room TEXT NOT NULL, rule TEXT NOT NULL,
  last_s REAL NOT NULL, count INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  incident INTEGER NOT NULL REFERENCES incidents(id),
  at_s REAL NOT NULL, by TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX notes_by_incident ON notes(incident);

-- Orders given at the console, and by the hub itself to a room that asks for its leave; and what became of them.
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL DEFAULT '',
  incident INTEGER,
  counter INTEGER NOT NULL DEFAULT 0,
  created_s REAL NOT NULL, sent_s REAL NOT NULL DEFAULT 0, ended_s REAL NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT 'waiting', -- waiting sent accepted done failed refused expired
  reason TEXT NOT NULL DEFAULT '',
  act_id INTEGER NOT NULL DEFAULT 0,
  proof TEXT NOT NULL DEFAULT '{}',
  expires_s REAL NOT NULL DEFAULT 0,  -- when it is given up without an answer
  confirmed TEXT NOT NULL DEFAULT '', -- who in the room has said that there is no picture and no sound
  boot TEXT NOT NULL DEFAULT '',      -- what the order named of the room
  nonce TEXT NOT NULL DEFAULT '',
  again INTEGER NOT NULL DEFAULT 0,   -- met a line that had just dropped; 1: waits for a fresh nonce, 2: was sent again
  missed_replies INTEGER NOT NULL DEFAULT 0, -- how often the room said bad_nonce of it
  missed_events INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX orders_by_room ON orders(room, created_s);
CREATE INDEX orders_by_outcome ON orders(outcome, expires_s);
CREATE INDEX orders_again ON orders(again) WHERE again = 1;

CREATE TABLE meetings (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL,
  secret INTEGER NOT NULL DEFAULT 0 -- "họp mật": its rooms measure no sound and send signs of life and faults only
);
CREATE TABLE meeting_rooms (meeting TEXT NOT NULL, room TEXT NOT NULL, PRIMARY KEY (meeting, room));
CREATE TABLE desired (room TEXT PRIMARY KEY, version INTEGER NOT NULL, raw BLOB NOT NULL);

-- History: one row per room, fact and hour; `hub/history/chunks.py` gives the layout of `samples`.
CREATE TABLE history (
  room TEXT NOT NULL, fact TEXT NOT NULL, hour INTEGER NOT NULL, -- Unix seconds / 3600
  count INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, total REAL NOT NULL,
  samples BLOB NOT NULL,
  PRIMARY KEY (room, fact, hour)
);

-- Roll-outs of the rooms' program, and the windows in which nothing is changed.
CREATE TABLE rollouts (
  id INTEGER PRIMARY KEY,
  version TEXT NOT NULL,
  phase TEXT NOT NULL,               -- running soaking paused rolling_back rolled_back done; of hub/core/rollout.py
  body TEXT NOT NULL,                -- the whole of it, as JSON
  by TEXT NOT NULL, created_s REAL NOT NULL, changed_s REAL NOT NULL
);
CREATE TABLE frozen_windows (
  id INTEGER PRIMARY KEY, start_s REAL NOT NULL, end_s REAL NOT NULL, name TEXT NOT NULL, by TEXT NOT NULL
);

-- Boards that ask to become a room's, and rooms that a technician has handed over.
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

CREATE TABLE users (
  name TEXT PRIMARY KEY, hash TEXT NOT NULL, role TEXT NOT NULL, -- viewer operator technician admin
  full_name TEXT NOT NULL DEFAULT '', language TEXT NOT NULL DEFAULT 'vi', disabled INTEGER NOT NULL DEFAULT 0,
  created_s REAL NOT NULL,
  must_change INTEGER NOT NULL DEFAULT 0, -- the password was given and not chosen
  given_s REAL NOT NULL DEFAULT 0         -- when a temporary password was given, which ends after three days; 0: none
);
-- An account with rows here sees and orders only rooms at or beneath these nodes; without any it sees all. A node that
-- is gone leaves its row: the account then sees nothing rather than everything.
CREATE TABLE user_scopes (user TEXT NOT NULL, node INTEGER NOT NULL, PRIMARY KEY (user, node));

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL,
  created_s REAL NOT NULL, seen_s REAL NOT NULL, expires_s REAL NOT NULL,
  address TEXT NOT NULL DEFAULT '',
  agent TEXT NOT NULL DEFAULT ''    -- as the browser names itself, cut
);
CREATE INDEX sessions_by_user ON sessions(user);

-- Browsers that an account has signed in from. Guessing from elsewhere does not shut them out.
CREATE TABLE devices (hash TEXT PRIMARY KEY, user TEXT NOT NULL, expires_s REAL NOT NULL);
CREATE INDEX devices_by_user ON devices(user);

-- The second step of signing in, RFC 6238. The secret must be readable to compute a code from it; docs/security.md says
-- what that means.
CREATE TABLE totp (
  user TEXT PRIMARY KEY, secret TEXT NOT NULL,  -- base32
  since_s REAL NOT NULL DEFAULT 0,              -- 0: offered, and not yet confirmed by a code
  step INTEGER NOT NULL DEFAULT 0               -- the newest step of 30 s a code was taken of: none before is again
);
CREATE TABLE recovery_codes (hash TEXT PRIMARY KEY, user TEXT NOT NULL);
CREATE INDEX recovery_codes_by_user ON recovery_codes(user);

-- Tokens of other systems, and where in the site tree each may look and act.
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

-- Who did what: a chain, whose rows nobody changes. hub/store/audit.py says what is hashed.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at_s REAL NOT NULL, by TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '{}',
  prev TEXT NOT NULL,               -- hash of the row before
  hash TEXT NOT NULL
);
-- Two rows after the same row would be a fork.
CREATE UNIQUE INDEX audit_by_prev ON audit(prev);
CREATE INDEX audit_by_time ON audit(at_s);

-- Where the kept part of the chain begins after old rows were let go.
CREATE TABLE audit_anchors (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, at_s REAL NOT NULL);

CREATE TRIGGER audit_keeps_rows BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keeps_all BEFORE DELETE ON audit
WHEN OLD.id > COALESCE((SELECT MAX(id) FROM audit_anchors), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_replaces_none BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_anchors_stay BEFORE UPDATE ON audit_anchors
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_anchors_last BEFORE DELETE ON audit_anchors
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
