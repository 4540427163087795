#!/bin/sh
# One host in network namespaces of its own, systemd as PID 1. WORK is the folder of the run; needs root.
#   host.sh up NAME IP      boot WORK/hosts/NAME (a copy of the root) and join it to the bridge
#   host.sh run NAME CMD…   run inside, in all its namespaces
#   host.sh pull NAME       pull the plug: no shutdown, nothing flushed by the services
#   host.sh down NAME       end it in good order
#   host.sh clear           end all of them, and take namespaces and bridge away
set -eu
: "${WORK:?the folder of this run}"
verb=${1:?usage: host.sh up|run|pull|down|clear}
name=${2:-}
dir="$WORK/run/$name"
# Namespaces carry the run's name, so that two runs share nothing.
hub="dcf-$(basename "$WORK")"

alive() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

network() {
  ip netns add "$hub" 2>/dev/null || true
  ip -n "$hub" link set lo up
  ip -n "$hub" link show br0 >/dev/null 2>&1 || {
    ip -n "$hub" link add br0 type bridge
    ip -n "$hub" addr add 192.0.2.1/24 dev br0
    ip -n "$hub" link set br0 up
  }
}

up() {
  address=${3:?usage: host.sh up NAME IP}
  mkdir -p "$dir"
  network
  if ! ip netns list | grep -q "^$hub-$name\b"; then
    ip netns add "$hub-$name"
    ip -n "$hub-$name" link set lo up
    ip link add "v-$name" netns "$hub" type veth peer name host0 netns "$hub-$name"
    ip -n "$hub" link set "v-$name" master br0 up
    ip -n "$hub-$name" addr add "$address/24" dev host0
    ip -n "$hub-$name" link set host0 up
    ip -n "$hub-$name" route add default via 192.0.2.1
  fi
  rm -f "$dir/leader"
  setsid systemd-nspawn --quiet --register=no --keep-unit --machine="dcf-$name" -D "$WORK/hosts/$name" -b \
    --network-namespace-path="/run/netns/$hub-$name" --hostname="$name" --console=pipe \
    >>"$dir/console.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  tries=0
  while [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    # The container's PID 1 is the child in another pid namespace; nspawn forks a short-lived one first.
    for child in $(cat "/proc/$(cat "$dir/pid")/task/$(cat "$dir/pid")/children" 2>/dev/null); do
      space=$(readlink "/proc/$child/ns/pid" || true)
      [ -z "$space" ] || [ "$space" = "$(readlink /proc/self/ns/pid)" ] || echo "$child" >"$dir/leader"
    done
    if [ -s "$dir/leader" ] && run "$name" systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; then
      return 0
    fi
    alive || { tail -n 20 "$dir/console.log" >&2; return 1; }
    sleep 0.1
  done
  echo "host $name did not come up" >&2
  return 1
}

run() {
  shift
  nsenter -t "$(cat "$dir/leader")" -m -u -i -n -p -r -w -C \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# PID 1 of the container is killed, never nspawn itself, which would leave the container without a parent.
pull() {
  kill -KILL "$(cat "$dir/leader")"
  gone
}

down() {
  ! alive || kill -TERM "$(cat "$dir/pid")"
  tries=0
  while alive && [ $tries -lt 150 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  ! alive || pull
  ip netns del "$hub-$name" 2>/dev/null || true
  ip -n "$hub" link del "v-$name" 2>/dev/null || true
}

gone() {
  tries=0
  while alive && [ $tries -lt 150 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
}

case "$verb" in
  up) up "$@" ;;
  run) shift && run "$@" ;;
  pull) pull ;;
  down) down ;;
  clear)
    for each in "$WORK"/run/*/; do
      [ -e "$each" ] || continue
      name=$(basename "$each")
      dir="$WORK/run/$name"
      down
    done
    ip netns del "$hub" 2>/dev/null || true
    ;;
  *) exit 2 ;;
esac
