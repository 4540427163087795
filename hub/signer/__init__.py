"""The one that signs: a process of its own, apart from web and broker, with the only key that rooms obey."""
