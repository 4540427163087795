"""What runs in a room: the loop, its probes' threads, the order of coming up, and who looks after it."""
