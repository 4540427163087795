"""The conference PC: a soft client instead of a codec, asked through a shell. One file a system."""
