-- Version 2: what the hub needs to fold incidents quickly, to group one cause, and to let an order expire.

-- Shared by incidents of one cause, e.g. a cluster whose rooms went silent together; empty: it stands alone.
ALTER TABLE incidents ADD COLUMN grp TEXT NOT NULL DEFAULT '';
-- When an order that the room has not answered is given up, Unix seconds.
ALTER TABLE commands ADD COLUMN expires_s REAL NOT NULL DEFAULT 0;
CREATE INDEX events_by_fault ON events(room, epoch, fault_id);
CREATE INDEX commands_by_outcome ON commands(outcome, expires_s);
CREATE INDEX set_aside_by_kind ON set_aside(topic, reason);
-- Orders statuses within a boot, and tells the boots that are over from a new one.
ALTER TABLE twins ADD COLUMN status_mono_s REAL NOT NULL DEFAULT -1;
ALTER TABLE twins ADD COLUMN past_boots TEXT NOT NULL DEFAULT '';
