"""A whole room in one thread and without a wall clock: the real agent and hub code over physics, chance and crashes."""
