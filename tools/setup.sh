#!/usr/bin/env bash
# Installs what Kiln needs to build, test and run on Debian 12 or a current Ubuntu. Silent, and done at
# once, when nothing is missing. Needs root or sudo only when something is.
set -euo pipefail

packages=(
  # To build.
  git g++ cmake ninja-build pkg-config protobuf-compiler protobuf-compiler-grpc
  # Libraries.
  libgrpc++-dev libgrpc-dev libprotobuf-dev libsodium-dev nettle-dev libssl-dev librocksdb-dev libabsl-dev
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libjemalloc-dev libgtest-dev libgmock-dev
  libbenchmark-dev
  # Faster builds, and what contributors use.
  ccache mold clang-format clang-tidy python3
)

fail() {
  echo "setup: $*" >&2
  exit 1
}

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  fail "this is neither Debian nor Ubuntu; install the equivalents of: ${packages[*]}"
fi

# dpkg-query leaves unknown packages out and fails; what it does not call installed is missing.
installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${packages[@]}" 2> /dev/null |
  sed -n 's/^ii *//p' | sort -u || true)
missing=$(comm -23 <(printf '%s\n' "${packages[@]}" | sort -u) <(printf '%s\n' "$installed"))
[[ -z $missing ]] && exit 0
read -r -d '' -a missing <<< "$missing" || true

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo > /dev/null ||
    fail "neither root nor sudo; ask an administrator for: apt-get install ${missing[*]}"
  as_root=(sudo)
fi

# apt-get's output is of interest only when it fails.
apt_get() {
  local log
  log=$(mktemp)
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@" > "$log" 2>&1 < /dev/null; then
    cat "$log" >&2
    rm -f "$log"
    fail "apt-get $1 failed; its output stands above"
  fi
  rm -f "$log"
}

echo "setup: installing ${missing[*]}"
apt_get update
apt_get install --no-install-recommends "${missing[@]}"
