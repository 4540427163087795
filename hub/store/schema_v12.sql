-- Version 12: who in the room has said that there is no picture and no sound, for an order in the middle of a meeting.
ALTER TABLE commands ADD COLUMN confirmed TEXT NOT NULL DEFAULT '';
