#!/usr/bin/env bash
# Sets up, builds and runs every test. Arguments go to ctest: ./tools/test.sh -R SafetyRules
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

./tools/setup.sh
./tools/build.sh
exec ctest --preset release --parallel "$(nproc)" --no-tests=error "$@"
