"""What can be ordered: which act fits, how dangerous it is, and giving it."""
