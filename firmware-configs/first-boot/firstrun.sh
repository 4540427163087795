#!/bin/sh
# Raspberry Pi OS up to Bookworm runs this once, when cmdline.txt ends with
#   systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target
# The board's own cmdline.txt, which first-boot.sh puts into place, has these words no more.
set -eu
echo '@ROOM@' >/etc/hostname
ln -sf /usr/share/zoneinfo/Asia/Ho_Chi_Minh /etc/localtime
if ! id diemcau-admin >/dev/null 2>&1; then
  useradd --create-home --groups sudo --shell /bin/bash diemcau-admin
  install -d -m 0700 -o diemcau-admin -g diemcau-admin /home/diemcau-admin/.ssh
  echo '@SSH_KEY@' >/home/diemcau-admin/.ssh/authorized_keys
  chown diemcau-admin:diemcau-admin /home/diemcau-admin/.ssh/authorized_keys
  echo 'diemcau-admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/010-diemcau
  chmod 0440 /etc/sudoers.d/010-diemcau
fi
systemctl enable ssh.service
/bin/sh /boot/firmware/diemcau/first-boot.sh
sed -i 's| systemd\.run.*||' /boot/firmware/cmdline.txt
