"""The contract between room and hub: topics and messages. Imports nothing of ours, and knows no broker."""
