#!/usr/bin/env bash
# Simulates seeds that nobody has tried: they follow from the commit, so each commit explores others and
# its failures can be seen again from the commit alone. fresh_seeds.sh KILN COUNT PROFILE...
set -euo pipefail
kiln=$1 count=$2
shift 2

commit=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse HEAD 2> /dev/null || echo 0)
first=$((16#${commit:0:7} + 1000000))
status=0
for profile in "$@"; do
  echo "kiln sim --seeds $first..$((first + count - 1)) --profile $profile --jobs 2    (commit ${commit:0:12})"
  "$kiln" sim --seeds "$first..$((first + count - 1))" --profile "$profile" --jobs 2 || status=1
done
exit "$status"
