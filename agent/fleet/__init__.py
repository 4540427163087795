"""The versions on a host: on their way, in use, on trial, and undone. Stands alone, see `release`."""
