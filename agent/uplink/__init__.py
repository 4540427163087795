"""What is said to the hub, and what is believed from it."""
