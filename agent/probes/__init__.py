"""Glue: a device's protocol on a transport becomes a Probe or an Effector of `agent.ports`."""
