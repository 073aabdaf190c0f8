#!/usr/bin/env bash
# Whether the simulator notices each fault of our own: makes a copy of the sources with the switches of
# tests/mutants/mutants.txt in it, builds kiln-mutants there and runs it. Arguments go to kiln-mutants:
# ./tools/mutants.sh --only "vote twice in a round"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

copy=build-mutants
python3 tests/mutants/apply.py . "$copy"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The compiler's cache finds again whatever holds no switch: the copy is built as the release preset is.
if ! (cd "$copy" && cmake --preset release -DKILN_MUTANTS=ON -DKILN_BUILD_BENCHMARKS=OFF \
    && cmake --build build --target kiln_mutants) > "$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
exec "$copy/build/kiln-mutants" "$@"
