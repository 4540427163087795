#!/bin/sh
# Makes a fresh Debian 12 ready: tools/bootstrap.sh demo|test|fleet. Run again, it finds everything in place and changes nothing.
# Root (or sudo) is needed for Debian's packages only; all else stays in .venv, .venv-tools and tests/node/node_modules.
set -eu
purpose=${1:?usage: tools/bootstrap.sh demo|test|fleet}
cd "$(dirname "$0")/.."
UV_VERSION=0.13.9
# Offices that look into TLS add an authority of their own to the system's list; Node carries a list without it.
certificates=/etc/ssl/certs/ca-certificates.crt
[ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -r "$certificates" ] || export NODE_EXTRA_CA_CERTS="$certificates"
PATH="$PATH:/usr/sbin:/sbin" # mosquitto and upsd live there, and Debian gives users neither
started_s=$(date +%s)
worked=""

say() { printf 'diemcau: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# --- Which of Debian's packages are missing: "program:package", by the program that shows it is there ------------------
wanted="mosquitto:mosquitto git:git"
[ "$purpose" = test ] && wanted="$wanted mosquitto_sub:mosquitto-clients chromium:chromium socat:socat \
  openssl:openssl ssh:openssh-client upsd:nut-server upsc:nut-client baresip:baresip-core ip:iproute2 systemd-analyze:systemd \
  rsyslogd:rsyslog curl:curl arecord:alsa-utils chronyd:chrony lldpd:lldpd \
  node:nodejs npm:npm"
[ "$purpose" = fleet ] && wanted="$wanted systemd-nspawn:systemd-container mmdebstrap:mmdebstrap ip:iproute2 ssh:openssh-client \
  openssl:openssl qemu-aarch64-static:qemu-user-static update-binfmts:binfmt-support arch-test:arch-test"
missing=""
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
# A library has no program: Playwright brings a Node of its own that needs this one.
if [ "$purpose" = test ] && ! ldconfig -p 2>/dev/null | grep -q 'libatomic\.so\.1'; then
  missing="$missing libatomic1"
fi
# Nor has rsyslog's TLS.
if [ "$purpose" = test ] && ! ls /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1; then
  missing="$missing rsyslog-openssl"
fi

# The first Python on the path that is new enough and can make virtual environments.
find_python() {
  for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c \
      'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
}
python=$(find_python)
[ -n "$python" ] || missing="$missing python3 python3-venv"

# --- Install them, without letting their services start: the programs here start brokers of their own ------------------
install_packages() {
  command -v apt-get >/dev/null 2>&1 ||
    fail "these Debian packages are missing and there is no apt-get here to install them:$missing"
  sudo=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      fail "you are neither root nor have sudo; ask someone who is to run: apt-get install -y --no-install-recommends$missing"
    sudo="sudo"
    if ! sudo -n true 2>/dev/null; then
      [ -t 0 ] || fail "sudo wants a password and there is no terminal to ask for it; run first: sudo apt-get install -y --no-install-recommends$missing"
      sudo -v || fail "sudo refused; ask for: apt-get install -y --no-install-recommends$missing"
    fi
  fi
  say "installing Debian packages:$missing"
  if [ ! -e "$policy" ]; then # where one exists already, the machine's owner has decided
    made_policy=1
    trap forget_policy EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
  fi
  apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
  # shellcheck disable=SC2086  # words are meant to be split
  $apt update </dev/null >&2 || say "apt-get update had errors; trying with the lists at hand"
  # shellcheck disable=SC2086
  $apt install -y --no-install-recommends $missing </dev/null >&2 || fail "apt-get could not install:$missing"
  # Nor may they start at the next boot. Only what this script brought: a broker that was here before is not ours.
  if command -v systemctl >/dev/null 2>&1; then
    for package in $missing; do
      case "$package" in
        mosquitto) $sudo systemctl disable mosquitto.service >/dev/null 2>&1 || true ;;
        nut-server) $sudo systemctl disable nut-server.service nut-driver-enumerator.path >/dev/null 2>&1 || true ;;
        rsyslog) $sudo systemctl disable rsyslog.service syslog.socket >/dev/null 2>&1 || true ;;
        nut-client) $sudo systemctl disable nut-monitor.service >/dev/null 2>&1 || true ;;
      esac
    done
  fi
  forget_policy
}
forget_policy() {
  [ -z "$made_policy" ] || $sudo rm -f "$policy"
  made_policy=""
}
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ -n "$missing" ]; then
  install_packages
  worked=1
  [ -n "$python" ] || python=$(find_python)
  [ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 that can make virtual environments, even after installing python3-venv"
fi

# Some tests make a network of their own, which only root may. Ask now, not in the middle of them.
if [ "$purpose" = test ] && [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
  [ -t 0 ] || fail "some tests make a network of their own and need sudo, which wants a password, and there is no terminal: run as root"
  sudo -v || fail "some tests make a network of their own: run as root, or as a user whom sudo lets do so"
fi

# --- Python: locked, in a virtual environment of this folder ----------------------------------------------------------
# Scripts of a virtual environment name its folder: after a move it has to be made again.
for venv in .venv-tools .venv .venv-ansible; do
  [ ! -e "$venv/.place" ] || [ "$(cat "$venv/.place")" = "$PWD" ] || rm -rf "$venv"
done
if ! .venv-tools/bin/uv --version 2>/dev/null | grep -q "^uv $UV_VERSION"; then
  say "fetching uv $UV_VERSION from PyPI"
  rm -rf .venv-tools
  "$python" -m venv .venv-tools
  .venv-tools/bin/python -m pip install -q --disable-pip-version-check --retries 5 --timeout 60 "uv==$UV_VERSION" </dev/null ||
    fail "pip could not fetch uv $UV_VERSION: is the Python package index reachable from here (proxy, certificates)?"
  printf '%s' "$PWD" >.venv-tools/.place
  worked=1
fi
stamp=$({ cat uv.lock pyproject.toml; "$python" -V; } | sha256sum | cut -c1-16)
if [ "$(cat .venv/.stamp 2>/dev/null || true)" != "$stamp" ]; then
  say "installing the locked Python packages"
  UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv UV_HTTP_TIMEOUT=120 \
    .venv-tools/bin/uv sync -q --frozen --all-extras --python "$python" </dev/null ||
    fail "the locked Python packages could not be installed (see above)"
  printf '%s' "$PWD" >.venv/.place
  printf '%s\n' "$stamp" >.venv/.stamp
  worked=1
fi

# --- Ansible and its linter, locked too, apart from what is shipped ----------------------------------------------------
if [ "$purpose" = test ] && [ "$(cat .venv-ansible/.stamp 2>/dev/null || true)" != "$stamp" ]; then
  say "installing the locked Ansible"
  UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv-ansible UV_HTTP_TIMEOUT=120 \
    .venv-tools/bin/uv sync -q --frozen --only-group fleet --python "$python" </dev/null ||
    fail "the locked Ansible could not be installed (see above)"
  printf '%s' "$PWD" >.venv-ansible/.place
  printf '%s\n' "$stamp" >.venv-ansible/.stamp
  worked=1
fi

# --- Node packages that judge us in tests; nothing of them is shipped --------------------------------------------------
if [ "$purpose" = test ]; then
  stamp=$(sha256sum <tests/node/package-lock.json | cut -c1-16)
  if [ "$(cat tests/node/node_modules/.stamp 2>/dev/null || true)" != "$stamp" ]; then
    say "installing the Node packages of the tests"
    npm ci --silent --no-progress --no-audit --no-fund --ignore-scripts --prefix tests/node </dev/null >&2 ||
      fail "npm could not install tests/node/package-lock.json: is the npm registry reachable from here?"
    printf '%s\n' "$stamp" >tests/node/node_modules/.stamp
    worked=1
  fi
fi
[ -z "$worked" ] || say "ready for 'make $purpose' after $(($(date +%s) - started_s)) s"
