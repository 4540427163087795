"""The commands of `diemcau-hub`."""
