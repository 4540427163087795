#!/bin/sh
# The first start of a room's card, without any network: accounts, settings, certificates, the release, the services.
# It lies with everything it needs in one folder of the boot partition (`make card` fills it). Every step may be repeated;
# a start that was cut short goes on at the next one. What it did stands in first-boot.log beside it.
set -eu
kit=$(cd "$(dirname "$0")" && pwd)
opt=/opt/diemcau
log="$kit/first-boot.log"
[ ! -e "$opt/.first-boot-done" ] || exit 0
exec >>"$log" 2>&1

say() { echo "$(date '+%F %T') $*"; }
trap 'code=$?; [ $code = 0 ] || say "STOPPED with $code; it is tried again at the next start"; sync' EXIT
put() { # put MODE OWNER SOURCE TARGET: whole or not at all
  install -D -m "$1" -o "${2%:*}" -g "${2#*:}" "$3" "$4.new"
  mv -f "$4.new" "$4"
}

say "first start of $(cat "$kit/room-id")"
for group in diemcau dialout gpio video; do
  getent group "$group" >/dev/null || groupadd --system "$group"
done
id diemcau >/dev/null 2>&1 ||
  useradd --system --gid diemcau --groups dialout,gpio,video --home-dir /var/lib/diemcau --no-create-home \
    --shell /usr/sbin/nologin diemcau
usermod -a -G dialout,gpio,video diemcau

say "settings of the host"
put 0644 root:root "$kit/debian/journald.conf" /etc/systemd/journald.conf.d/diemcau.conf
put 0644 root:root "$kit/debian/watchdog.conf" /etc/systemd/system.conf.d/diemcau.conf
put 0644 root:root "$kit/debian/sysctl.conf" /etc/sysctl.d/90-diemcau.conf
put 0644 root:root "$kit/debian/60-diemcau-devices.rules" /etc/udev/rules.d/60-diemcau-devices.rules
put 0644 root:root "$kit/debian/99-diemcau-serial.rules" /etc/udev/rules.d/99-diemcau-serial.rules
[ ! -d /etc/chrony/conf.d ] || put 0644 root:root "$kit/debian/chrony.conf" /etc/chrony/conf.d/diemcau.conf

if [ -e "$kit/board/config.txt" ]; then
  say "settings of the board"
  root=$(findmnt -no PARTUUID / || true)
  put 0755 root:root "$kit/board/config.txt" "$(dirname "$kit")/config.txt"
  if [ -n "$root" ]; then
    sed "s/@ROOT_PARTUUID@/$root/" "$kit/board/cmdline.txt" >"$(dirname "$kit")/cmdline.new"
    mv -f "$(dirname "$kit")/cmdline.new" "$(dirname "$kit")/cmdline.txt"
  fi
  if [ -e "$kit/board/boot.conf" ] && command -v rpi-eeprom-config >/dev/null; then
    rpi-eeprom-config --apply "$kit/board/boot.conf" || say "the boot loader's settings could not be written"
  fi
fi

say "settings of the room"
put 0640 root:diemcau "$kit/room.toml" /etc/diemcau/room.toml
install -d -m 0755 /etc/diemcau/pki
install -d -m 0700 -o diemcau -g diemcau /etc/diemcau/secrets
for file in ca.crt room.crt; do
  [ ! -e "$kit/pki/$file" ] || put 0644 root:diemcau "$kit/pki/$file" "/etc/diemcau/pki/$file"
done
[ ! -e "$kit/pki/room.key" ] || put 0600 diemcau:diemcau "$kit/pki/room.key" /etc/diemcau/pki/room.key
if [ -e "$kit/enrol-url" ]; then # the key is made here; the certificate comes once somebody has read out the code
  chown diemcau:diemcau /etc/diemcau/pki
  put 0644 root:root "$kit/enrol-url" /etc/diemcau/enrol-url
fi
for secret in "$kit"/secrets/*; do
  [ ! -f "$secret" ] || put 0600 diemcau:diemcau "$secret" "/etc/diemcau/secrets/$(basename "$secret")"
done

say "the release"
install -d -m 0755 "$opt" "$opt/bin" "$opt/releases" "$opt/bundles"
put 0644 root:root "$kit/profile.json" "$opt/profile.json"
[ ! -e "$kit/release.pub" ] || put 0644 root:root "$kit/release.pub" "$opt/release.pub"
for unit in "$kit"/units/*; do
  put 0644 root:root "$unit" "/etc/systemd/system/$(basename "$unit")"
done
put 0755 root:root "$kit/bin/diemcau-release" "$opt/bin/diemcau-release"
for bundle in "$kit"/*.tar; do
  version=$(/usr/bin/python3 -I "$opt/bin/diemcau-release" install "$bundle")
done
systemctl daemon-reload
systemctl enable diemcau-agent.service diemcau-release-watch.timer
[ ! -e /etc/diemcau/enrol-url ] || systemctl enable diemcau-enrol.service
/usr/bin/python3 -I "$opt/bin/diemcau-release" switch "$version"
systemctl start --no-block diemcau-release-watch.timer diemcau-agent.service
[ ! -e /etc/diemcau/enrol-url ] || systemctl start --no-block diemcau-enrol.service

# The card may be read by whoever takes it out: the keys have no business on the boot partition any more.
rm -rf "$kit/pki/room.key" "$kit/secrets"
sync
: >"$opt/.first-boot-done"
say "DONE, version $version"
