-- Version 11: secret meetings ("họp mật"): their rooms measure no sound and send signs of life and faults only.
ALTER TABLE meetings ADD COLUMN secret INTEGER NOT NULL DEFAULT 0;
