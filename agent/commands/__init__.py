"""Commands for technicians: what is plugged in, what answers, and how a new board gets its room."""
