-- Version 8: browsers that an account has signed in from. Guessing from elsewhere does not shut them out.
CREATE TABLE devices (hash TEXT PRIMARY KEY, user TEXT NOT NULL, expires_s REAL NOT NULL);
CREATE INDEX devices_by_user ON devices(user);
