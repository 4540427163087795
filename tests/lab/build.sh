#!/bin/sh
# Builds what `make prove-gpio` boots: Debian's kernel, gpio-sim out of that kernel's own source (Debian does not build
# it), and a root of Debian's Python and Mosquitto with the agent's locked packages, all in one initramfs.
# usage: LAB=DIR tests/lab/build.sh        needs no root; a second run finds everything in place
set -eu
LAB=${LAB:-/var/tmp/diemcau-lab}
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
PATH="$PATH:/usr/sbin:/sbin"
export LC_ALL=C.UTF-8
say() { printf 'lab: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-6/ {print $2; exit}')
release=${kernel#linux-image-}
release=${release%-unsigned}
headers=/usr/src/linux-headers-$release
[ -n "$kernel" ] && [ -d "$headers" ] ||
  fail "the headers of $release are missing; run: apt-get install -y --no-install-recommends linux-headers-amd64"

mkdir -p "$LAB"
cd "$LAB"
stamp=$({ echo "$release"; cat "$here/build.sh" "$here/init" "$project/uv.lock"; } | sha256sum | cut -c1-16)
[ "$(cat base.stamp 2>/dev/null || true)" != "$stamp" ] || exit 0
rm -rf base.stamp unpacked
mkdir -p unpacked/debs/partial unpacked/guest downloads

# --- The kernel and its modules ---------------------------------------------------------------------------------------
say "fetching $kernel and the kernel's source"
(cd downloads && apt-get -q=2 download "$kernel" linux-source-6.1) >unpacked/download.log 2>&1 ||
  { cat unpacked/download.log >&2; fail "apt-get could not download $kernel and linux-source-6.1"; }
dpkg-deb -x "$(ls -t downloads/"$kernel"_*.deb | head -n 1)" unpacked/kernel
cp unpacked/kernel/boot/vmlinuz-* vmlinuz

# --- gpio-sim ---------------------------------------------------------------------------------------------------------
say "building gpio-sim for $release"
mkdir unpacked/gpiosim unpacked/source
dpkg-deb --fsys-tarfile "$(ls -t downloads/linux-source-6.1_*.deb | head -n 1)" | tar xf - -O ./usr/src/linux-source-6.1.tar.xz |
  tar xJf - -C unpacked/source --strip-components=1 \
    linux-source-6.1/drivers/gpio/gpio-sim.c linux-source-6.1/drivers/gpio/gpiolib.h linux-source-6.1/kernel/irq/irq_sim.c
find unpacked/source -type f -exec cp {} unpacked/gpiosim/ \;
# Two changes, and both must be found. irq_to_desc is not exported to modules. And what a kernel does with a line that is
# let go of differs: Debian's gives it back to its pull, Raspberry Pi's keeps its level unless strict_gpiod is set, so
# the simulated chip can do either: /sys/module/gpio_simx/parameters/keep_released.
sed -i 's/handle_simple_irq(irq_to_desc(\(.*\)));/generic_handle_irq(\1);/' unpacked/gpiosim/irq_sim.c
python3 - unpacked/gpiosim/gpio-sim.c <<'PY'
import sys
path = sys.argv[1]
text = open(path).read()
head = "static void gpio_sim_free(struct gpio_chip *gc, unsigned int offset)\n{\n"
state = "\tstruct gpio_sim_chip *chip = gpiochip_get_data(gc);\n"
if text.count(head + state) != 1:
    sys.exit("gpio_sim_free is not as it was: this kernel's gpio-sim.c has changed")
switch = "static bool keep_released;\nmodule_param(keep_released, bool, 0644);\n\n"
text = text.replace(head + state, switch + head + state + "\n\tif (keep_released)\n\t\treturn;\n")
open(path, "w").write(text)
PY
printf 'obj-m := gpio-simx.o\ngpio-simx-objs := gpio-sim.o irq_sim.o\n' >unpacked/gpiosim/Makefile
make -s -C "$headers" M="$PWD/unpacked/gpiosim" modules >unpacked/gpiosim.log 2>&1 || { tail -n 20 unpacked/gpiosim.log >&2; fail "gpio-sim does not build"; }
strip -g unpacked/gpiosim/gpio-simx.ko

# --- The root ---------------------------------------------------------------------------------------------------------
say "fetching Debian's Python and Mosquitto for the guest"
: >unpacked/status
apt-get -q -y --no-install-recommends --download-only -o Debug::NoLocking=1 -o "Dir::State::status=$PWD/unpacked/status" \
  -o "Dir::Cache::archives=$PWD/unpacked/debs/" install python3 busybox-static mosquitto >unpacked/guest.log 2>&1 ||
  { tail -n 20 unpacked/guest.log >&2; fail "apt-get could not fetch the guest's packages"; }
for deb in unpacked/debs/*.deb; do dpkg-deb -x "$deb" unpacked/guest; done
say "fetching the agent's locked packages"
"$project/.venv-tools/bin/uv" export -q --frozen --project "$project" --extra agent --no-dev --no-emit-project -o unpacked/locked.txt
UV_SYSTEM_CERTS=true "$project/.venv-tools/bin/uv" pip install -q --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: \
  --require-hashes --target unpacked/guest/opt/site -r unpacked/locked.txt
cp unpacked/gpiosim/gpio-simx.ko unpacked/guest/opt/
for module in configfs; do
  find unpacked/kernel/lib/modules -name "$module.ko" -exec cp {} unpacked/guest/opt/ \;
done
cp "$here/init" unpacked/guest/init
chmod 755 unpacked/guest/init
rm -rf unpacked/guest/usr/share/doc unpacked/guest/usr/share/locale unpacked/guest/usr/share/man unpacked/guest/usr/share/info
# An emulated core would be minutes at this. Python of another version leaves it to the guest.
"$project/.venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash unpacked/guest/usr/lib/python3.11 unpacked/guest/opt/site \
  >unpacked/compile.log 2>&1 || say "some modules were not compiled beforehand"
(cd unpacked/guest && find . | cpio -o -H newc -R 0:0 --quiet) >base.cpio
rm -rf unpacked
printf '%s\n' "$stamp" >base.stamp
say "the guest is ready in $LAB ($(du -sh --apparent-size base.cpio | cut -f1))"
