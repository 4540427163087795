"""The way of a message from the broker into the database."""
