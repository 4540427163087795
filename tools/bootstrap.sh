#!/bin/sh
# Makes a fresh Debian 12 ready: tools/bootstrap.sh demo|test. Run again, it finds everything in place and changes nothing.
# Needs root or sudo for Debian's packages only; everything else stays in .venv, .venv-tools and tests/node/node_modules.
set -eu
purpose=${1:?usage: tools/bootstrap.sh demo|test}
cd "$(dirname "$0")/.."
UV_VERSION=0.13.9

say() { printf '%s\n' "diemcau: $*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo -n "$@" 2>/dev/null || sudo "$@"
  else fail "installing Debian packages needs root: run as root, or install sudo ($*)"
  fi
}

# --- Debian's packages: program that shows it is there, and the package that brings it -------------------------------
wanted="mosquitto:mosquitto python3:python3 git:git"
[ "$purpose" = test ] && wanted="$wanted mosquitto_sub:mosquitto-clients chromium:chromium socat:socat \
  upsd:nut-server baresip:baresip-core ip:iproute2 node:nodejs npm:npm"
PATH="$PATH:/usr/sbin:/sbin"
missing=""
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done

python=""
for candidate in python3 python3.11 python3.12 python3.13; do
  if command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
    python=$(command -v "$candidate"); break
  fi
done
if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  missing="$missing python3 python3-venv"; python=""
fi

if [ -n "$missing" ]; then
  command -v apt-get >/dev/null 2>&1 || fail "these programs are missing, and there is no apt-get to install them:$missing"
  say "installing Debian packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # The packages' own services must not start: the programs here start their own brokers, on ports of their own.
  policy=/usr/sbin/policy-rc.d made_policy=""
  if [ ! -e "$policy" ]; then
    made_policy=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  status=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null >&2 || status=$?
  # shellcheck disable=SC2086
  [ "$status" = 0 ] && { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing </dev/null >&2 || status=$?; }
  [ -n "$made_policy" ] && as_root rm -f "$policy"
  [ "$status" = 0 ] || fail "apt-get could not install:$missing"
  [ -n "$python" ] || python=$(command -v python3)
fi

# --- Python: locked, in a virtual environment of this folder ----------------------------------------------------------
if ! .venv-tools/bin/uv --version 2>/dev/null | grep -q " $UV_VERSION"; then
  say "fetching uv $UV_VERSION"
  rm -rf .venv-tools
  "$python" -m venv .venv-tools
  .venv-tools/bin/python -m pip install -q --disable-pip-version-check "uv==$UV_VERSION" </dev/null
fi
stamp=$(cat uv.lock pyproject.toml | sha256sum | cut -c1-16)
if [ "$(cat .venv/.stamp 2>/dev/null || true)" != "$stamp" ]; then
  say "installing the locked Python packages"
  UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv .venv-tools/bin/uv sync -q --frozen --all-extras --python "$python"
  printf '%s\n' "$stamp" > .venv/.stamp
fi

# --- Node packages that judge us in tests ------------------------------------------------------------------------------
if [ "$purpose" = test ] && [ -f tests/node/package-lock.json ]; then
  stamp=$(sha256sum < tests/node/package-lock.json | cut -c1-16)
  if [ "$(cat tests/node/node_modules/.stamp 2>/dev/null || true)" != "$stamp" ]; then
    say "installing the Node packages of the tests"
    npm ci --silent --no-audit --no-fund --prefix tests/node </dev/null >&2
    printf '%s\n' "$stamp" > tests/node/node_modules/.stamp
  fi
fi
