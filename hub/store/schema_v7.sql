-- Version 7: refused orders are few, and looked for in all rooms at a time.
CREATE INDEX events_refused ON events(received_s) WHERE kind = 'command_refused';
