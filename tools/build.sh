#!/usr/bin/env bash
# Configures and builds the release preset into build/, quietly when nothing has changed. Arguments are
# targets: ./tools/build.sh kiln_command
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset release > "$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
cmake --build --preset release --parallel "$(nproc)" ${1:+--target "$@"}
