"""What people and other systems change, run by the writer."""
