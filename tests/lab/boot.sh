#!/bin/sh
# Boots the guest that build.sh has made, without KVM, with this folder's agent in it; its trace is left in $LAB/trace.txt.
# usage: LAB=DIR tests/lab/boot.sh
set -eu
LAB=${LAB:-/var/tmp/diemcau-lab}
project=$(cd "$(dirname "$0")/../.." && pwd)
LAST_S=${LAST_S:-900}
cd "$LAB"
rm -rf overlay trace.txt console.log
mkdir -p overlay/project/tests overlay/opt/site
cp -r "$project/agent" "$project/wire" overlay/project/
cp -r "$project/tests/__init__.py" "$project/tests/agent" "$project/tests/lab" overlay/project/tests/
# gpiozero finds the agent's pin class by the entry point of the installed distribution.
cp -r "$project"/.venv/lib/python3*/site-packages/diemcau-*.dist-info overlay/opt/site/
find overlay -name __pycache__ -prune -exec rm -r {} +
"$project/.venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash overlay/project
(cd overlay && find . | cpio -o -H newc -R 0:0 --quiet) >overlay.cpio
cat base.cpio overlay.cpio >run.cpio
rm -rf overlay overlay.cpio
timeout --kill-after=10 "$LAST_S" qemu-system-x86_64 -name diemcau-lab -accel tcg -M q35 -cpu max -smp 1 -m 768 \
  -nodefaults -no-user-config -display none -no-reboot \
  -kernel vmlinuz -initrd run.cpio -append "console=ttyS0 quiet panic=-1 mitigations=off rdinit=/init" \
  -serial file:console.log -serial file:trace.txt
rm -f run.cpio
