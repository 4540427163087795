"""Read models: plain SQL on read-only connections."""
