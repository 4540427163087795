#!/bin/sh
# Dynamic inventory: the rooms of the hub's registry. Run where the hub is, or with DIEMCAU_HUB_TOML naming a copy of its
# settings. `diemcau-hub inventory --export FILE` writes the same as a file, for a machine without the hub.
set -eu
exec "${DIEMCAU_HUB:-/opt/diemcau/current/bin/diemcau-hub}" inventory --config "${DIEMCAU_HUB_TOML:-/etc/diemcau/hub.toml}" "$@"
