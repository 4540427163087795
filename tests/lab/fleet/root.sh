#!/bin/sh
# root.sh DIR [ARCH [SUITE]]: a Debian root with systemd as PID 1, sshd and Python, for hosts in namespaces. Made once; root
# only. A foreign ARCH (arm64) is run by emulation, and takes minutes. SUITE is bookworm or trixie.
set -eu
target=${1:?usage: root.sh DIR [ARCH [SUITE]]}
arch=${2:-$(dpkg --print-architecture)}
suite=${3:-bookworm}
mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
flock 9 # another run may be making it
[ ! -e "$target/.ready" ] || exit 0
include=systemd-sysv,dbus,udev,iproute2,openssh-server,python3,python3-venv,python3-apt,sudo,procps,openssl,ca-certificates,mosquitto,chrony,util-linux
sources=/etc/apt/sources.list.d/debian.sources
[ -e "$sources" ] || sources=/etc/apt/sources.list
rm -rf "$target"
lists=$(mktemp --suffix ".${sources##*.}")
trap 'rm -f "$lists"' EXIT
sed "s/bookworm/$suite/g" "$sources" >"$lists"
chmod 644 "$lists"
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
  mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  update-binfmts --enable qemu-aarch64
fi
mmdebstrap --quiet --arch="$arch" --variant=minbase --include="$include" "$suite" "$target" "$lists"
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
