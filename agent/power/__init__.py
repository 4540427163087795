"""Everything that gives or takes mains."""
