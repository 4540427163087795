"""The process of the hub: its parts, clock, watchdog and connections."""
