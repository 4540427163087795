#!/bin/sh
# root.sh DIR: a Debian 12 root with systemd as PID 1, sshd and Python, for hosts in namespaces. Made once, 20 to 40 s; root only.
set -eu
target=${1:?usage: root.sh DIR}
[ ! -e "$target/.ready" ] || exit 0
include=systemd-sysv,dbus,udev,iproute2,openssh-server,python3,python3-venv,python3-apt,sudo,procps,openssl,ca-certificates,mosquitto,chrony,util-linux
sources=/etc/apt/sources.list.d/debian.sources
[ -e "$sources" ] || sources=/etc/apt/sources.list
rm -rf "$target"
mmdebstrap --quiet --variant=minbase --include="$include" bookworm "$target" "$sources"
# What mmdebstrap has taken from this machine.
rm -f "$target/etc/resolv.conf" "$target/etc/hostname"
: >"$target/etc/machine-id"
# Without this, Ansible's facts wait ten seconds for a name server.
sed -i 's/^hosts:.*/hosts: files/' "$target/etc/nsswitch.conf"
printf '127.0.0.1 localhost\n' >"$target/etc/hosts"
for unit in e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer systemd-networkd-wait-online.service \
  getty@tty1.service console-getty.service dpkg-db-backup.timer mosquitto.service systemd-timesyncd.service; do
  ln -sf /dev/null "$target/etc/systemd/system/$unit"
done
rm -f "$target/etc/systemd/system/mosquitto.service" "$target/etc/systemd/system/multi-user.target.wants/mosquitto.service"
: >"$target/.ready"
