-- Version 3: roll-outs of the rooms' program, and the windows in which nothing is changed.
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
