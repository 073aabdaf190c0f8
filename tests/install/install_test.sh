#!/usr/bin/env bash
# Installs a build into a temporary folder, builds examples/counter against it as somebody else's project
# would be, runs its test on a simulated cluster, and it as the one validator of a chain:
# install_test.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source_dir=$1
build_dir=$2
work=$(mktemp -d)
node=""
clean_up() {
  [[ -z $node ]] || kill -9 "$node" 2> /dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*" >&2
  [[ ! -f $work/counter.log ]] || tail -n 20 "$work/counter.log" >&2
  exit 1
}
quietly() {
  "$@" > "$work/output" 2>&1 || {
    cat "$work/output" >&2
    fail "$*"
  }
}

quietly cmake --install "$build_dir" --prefix "$work/prefix"
kiln=$work/prefix/bin/kiln
[[ -x $kiln ]] || fail "the kiln command was not installed"

cp -r "$source_dir/examples/counter" "$work/counter"
quietly cmake -S "$work/counter" -B "$work/counter/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$work/prefix"
quietly cmake --build "$work/counter/build"
[[ -x $work/counter/build/counter_test ]] || fail "the counter's test was not built"
quietly "$work/counter/build/counter_test"

quietly "$kiln" testnet --validators 1 --base-port 0 --output "$work/net"
"$work/counter/build/counter" --home "$work/net/validator-0" > "$work/counter.log" 2>&1 &
node=$!
for ((tries = 0; ; tries++)); do
  status=$("$kiln" status --testnet "$work/net" --json 2> /dev/null) || true
  grep -q '"ready": true' <<< "$status" && break
  kill -0 "$node" 2> /dev/null || fail "the validator ended while it started"
  [[ $tries -lt 300 ]] || fail "the validator is not ready after 30 s: $status"
  sleep 0.1
done

# To a counter, whatever is submitted is a name: the second time it has been seen twice.
for expected in 1 2; do
  reply=$("$kiln" kv put color blue --testnet "$work/net" --json) || fail "nothing was committed"
  grep -q "\"reply\": \"$expected\"" <<< "$reply" || fail "expected a count of $expected: $reply"
done

kill -TERM "$node"
wait "$node" || fail "the validator ended with status $?"
node=""
quietly "$kiln" ledger verify --home "$work/net/validator-0"
echo "PASSED"
