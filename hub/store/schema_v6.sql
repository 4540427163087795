-- Version 6: what accounts may see.

-- An account with rows here sees and orders only rooms at or beneath these nodes; without any it sees all. A node that
-- is gone leaves its row: the account then sees nothing rather than everything.
CREATE TABLE user_scopes (user TEXT NOT NULL, node INTEGER NOT NULL, PRIMARY KEY (user, node));
CREATE INDEX nodes_by_parent ON nodes(parent);
