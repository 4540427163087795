"""One room's configuration as plain, checked data, and its secrets."""
