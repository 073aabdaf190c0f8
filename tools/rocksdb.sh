#!/usr/bin/env bash
# Builds the distribution's own sources of RocksDB into build-rocksdb/, without RocksDB's assertions,
# which distributions leave on: validators take less CPU with it (docs/performance.md).
# ./tools/build.sh uses it from then on, until the folder is removed. Takes 10 to 20 minutes of CPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prefix=$PWD/build-rocksdb
done_file=$prefix/lib/cmake/rocksdb/RocksDBConfig.cmake

fail() {
  echo "rocksdb: $*" >&2
  exit 1
}

# Output of a step is of interest only when it fails.
quietly() {
  "$@" > "$work/log" 2>&1 < /dev/null || {
    tail -50 "$work/log" >&2
    fail "$1 failed; the end of its output stands above"
  }
}

# The sources that belong to the system's packages, wherever those come from: what apt knows, asked for
# sources instead of programs.
fetch_sources() {
  local sources=$work/sources lists=$work/lists
  mkdir -p "$sources" "$lists/partial"
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    case $file in
      *.sources) sed 's/^Types:.*/Types: deb-src/' "$file" > "$sources/${file##*/}" ;;
      *.list) [[ -f $file ]] && sed 's/^deb /deb-src /' "$file" > "$sources/${file##*/}" ;;
    esac
  done
  local apt=(apt-get -q -o "Dir::Etc::sourceparts=$sources" -o Dir::Etc::sourcelist=/dev/null
    -o "Dir::State::lists=$lists" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
    -o APT::Sandbox::User=root)
  "${apt[@]}" update > "$work/log" 2>&1 || true # some places have no sources; the next line tells
  (cd "$work" && quietly "${apt[@]}" source "rocksdb=$version")
}

if [[ -f $done_file ]]; then
  echo "rocksdb: $prefix is there already; remove it to build it again"
  exit 0
fi
./tools/setup.sh
version=$(dpkg-query -W -f '${source:Version}' librocksdb-dev)
command -v dpkg-source > /dev/null || fail "dpkg-source is missing; apt-get install dpkg-dev"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "rocksdb: fetching the sources of $version"
fetch_sources
source_dir=$(find "$work" -maxdepth 1 -type d -name 'rocksdb-*')
[[ -n $source_dir ]] || fail "apt-get source left no folder"

# As the distribution configures it, but for a release, and with the processor's checksum instruction
# where there is one. Kiln wants one compression, a static library, and types at run time.
has_crc=OFF
[[ $(uname -m) == x86_64 ]] && has_crc=ON
launcher=()
command -v ccache > /dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
quietly cmake -G Ninja -S "$source_dir" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
  -DROCKSDB_BUILD_SHARED=OFF -DUSE_RTTI=ON -DPORTABLE=ON -DFORCE_SSE42=$has_crc -DFAIL_ON_WARNINGS=OFF \
  -DWITH_LZ4=ON -DWITH_GFLAGS=OFF -DWITH_LIBURING=OFF -DWITH_TESTS=OFF -DWITH_ALL_TESTS=OFF \
  -DWITH_TOOLS=OFF -DWITH_CORE_TOOLS=OFF -DWITH_BENCHMARK_TOOLS=OFF -DWITH_TRACE_TOOLS=OFF "${launcher[@]}"
echo "rocksdb: building"
cmake --build "$work/build" --parallel "$(nproc)" --target rocksdb
rm -rf "$prefix"
quietly cmake --install "$work/build"
echo "rocksdb: done; ./tools/build.sh uses it now"
