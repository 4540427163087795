-- Version 4: the log of who did what becomes a chain. Rows of older programs have an empty hash until the next row
-- takes them in; hub/store/audit.py says what is hashed.
ALTER TABLE audit ADD COLUMN prev TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
-- Two rows after the same row would be a fork.
CREATE UNIQUE INDEX audit_by_prev ON audit(prev) WHERE hash <> '';
CREATE INDEX audit_unchained ON audit(id) WHERE hash = '';
CREATE INDEX audit_by_time ON audit(at_s);

-- Where the kept part of the chain begins after old rows were let go.
CREATE TABLE audit_anchors (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, at_s REAL NOT NULL);

CREATE TRIGGER audit_keeps_rows BEFORE UPDATE ON audit
WHEN OLD.hash <> '' OR NEW.hash = '' OR NEW.id <> OLD.id OR NEW.at_s <> OLD.at_s OR NEW.by <> OLD.by
  OR NEW.what <> OLD.what OR NEW.detail <> OLD.detail
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keeps_all BEFORE DELETE ON audit
WHEN OLD.hash = '' OR OLD.id > COALESCE((SELECT MAX(id) FROM audit_anchors), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_replaces_none BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_anchors_stay BEFORE UPDATE ON audit_anchors
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_anchors_last BEFORE DELETE ON audit_anchors
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
