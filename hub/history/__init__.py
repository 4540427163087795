"""Samples over time: kept, moved along and forgotten."""
