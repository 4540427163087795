"""The outside of simulated devices: real protocols over loopback sockets and pseudo-terminals.

Each family is a `Conversation` without sockets, fed by `sim.servers.shell`. A device without power: its ports refuse.
A hung one: accepts connections, and says nothing.
"""
