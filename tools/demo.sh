#!/usr/bin/env bash
# Kiln's main job, end to end: four validators on this machine agree on one ledger of real records (the
# installed packages and their versions), one of them is killed in the middle, and at the end all four
# ledgers are proved to be the same. Exits with 0 only when everything held.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

readonly validators=4
readonly kiln=build/kiln
work=""                        # temporary folder; empty until it is made
net=""                         # the testnet in it
pids=()                        # by validator; empty string when it does not run
restarts=(0 0 0 0)
held=no                        # yes once everything was proved
background=""                  # an import that runs beside this script

bold="" green="" red="" plain=""
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }
fail() {
  printf '\n%sNot everything held: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  local pid
  for pid in "${pids[@]}" "$background"; do
    [[ -n $pid ]] && kill -9 "$pid" 2> /dev/null || true
  done
  wait 2> /dev/null || true
  if [[ $held == yes ]]; then
    rm -rf "$work"
  elif [[ -n $work ]]; then
    [[ $status -ne 0 ]] || status=1
    echo "Testnet and logs are kept in $work" >&2
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Tries a command ten times a second until it succeeds: within SECONDS, WHAT it waits for, COMMAND.
within() {
  local seconds=$1 what=$2 end
  shift 2
  end=$((SECONDS + seconds))
  until "$@"; do
    [[ $SECONDS -lt $end ]] || fail "$what: not within $seconds s"
    sleep 0.1
  done
}

# One moment's status of all validators, for `field`.
status=""
look() { status=$("$kiln" status --testnet "$net" --json 2> /dev/null) || true; }
# A value out of `status`: field INDEX NAME
field() {
  awk -v index_wanted="$1" -v name="\"$2\":" '
    $1 == "\"endpoint\":" { seen++ }
    seen == index_wanted + 1 && $1 == name {
      value = substr($0, index($0, ":") + 2)
      gsub(/^"|"?,?$/, "", value)
      print value
      exit
    }' <<< "$status"
}

start_validator() {
  "$kiln" node --home "$net/validator-$1" >> "$work/validator-$1.log" 2>&1 &
  pids[$1]=$!
}
# `wait` says on stderr how the process ended; we say it ourselves.
kill_validator() {
  kill -9 "${pids[$1]}" 2> /dev/null || true
  wait "${pids[$1]}" 2> /dev/null || true
  pids[$1]=""
}
is_running() { [[ -n ${pids[$1]} ]] && kill -0 "${pids[$1]}" 2> /dev/null; }
is_ready() { look && [[ $(field "$1" ready) == true ]]; }

start_testnet() {
  rm -rf "$net"
  "$kiln" testnet --validators "$validators" --base-port 0 --output "$net" > "$work/testnet.log"
  local i
  for ((i = 0; i < validators; i++)); do start_validator "$i"; done
  local end=$((SECONDS + 20))
  for ((i = 0; i < validators; i++)); do
    until is_ready "$i"; do
      is_running "$i" || return 1
      [[ $SECONDS -lt $end ]] || return 1
      sleep 0.1
    done
  done
}

# The ports were free when they were looked for; somebody may have been faster.
start_testnet_with_retries() {
  local attempt i
  for attempt in 1 2 3; do
    start_testnet && return
    for ((i = 0; i < validators; i++)); do kill_validator "$i"; done
    [[ $attempt -eq 3 ]] || say "a port was taken or a validator did not start; trying again"
  done
  fail "the validators do not start: $(tail -qn 1 "$work"/validator-*.log | head -n 1)"
}

show_heights() {
  look
  local i line=""
  for ((i = 0; i < validators; i++)); do
    if [[ $(field "$i" reachable) == true ]]; then
      line+="validator-$i at height $(field "$i" height)   "
    else
      line+="validator-$i is down   "
    fi
  done
  say "$line"
}

highest() {
  look
  sed -n 's/^  "height": \([0-9]*\).*/\1/p' <<< "$status"
}
has_passed() { [[ $(highest) -gt $1 ]]; }
has_caught_up() {
  is_ready "$1" && [[ $(field "$1" lag) -le 1 && $(field "$1" height) -ge $2 ]]
}

# All four at one height, executed that far, with one root.
agree() {
  look
  local i
  for ((i = 0; i < validators; i++)); do
    [[ $(field "$i" height) == "$(field 0 height)" ]] || return 1
    [[ $(field "$i" executed_height) == "$(field 0 height)" ]] || return 1
    [[ $(field "$i" state_root) == "$(field 0 state_root)" ]] || return 1
  done
  [[ -n $(field 0 height) ]]
}

import() {
  local summary
  summary=$("$kiln" kv import "$@" --testnet "$net" 2> "$work/import.log") ||
    fail "an import: $(tail -n 1 "$work/import.log")"
  echo "$summary"
}
# One batch after the other, each through the next validator, whether or not that one is alive.
feed_batches() {
  local batch summary i=0
  for batch in "$work"/batch-*; do
    summary=$(import "$batch" --via $((i % validators)))
    say "batch $((++i)) through validator-$(((i - 1) % validators)): $summary"
    echo "$i" > "$work/batches-done"
  done
}
batches_are_done() { [[ $(cat "$work/batches-done") -ge $1 ]]; }

# One record of each part, read back through the validator that was killed.
check_values() {
  local part key value answer
  for part in "$work/first" "$work/batch-10" "$work/last"; do
    IFS=$'\t' read -r key value < "$part"
    answer=$("$kiln" kv get "$key" --testnet "$net" --via "$1" --linearizable) ||
      fail "validator-$1 does not have $key"
    [[ $answer == "$value" ]] || fail "validator-$1 has $key $answer instead of $value"
    say "$key = $answer"
  done
}

stop_validator() {
  kill -TERM "${pids[$1]}"
  local end=$((SECONDS + 15))
  while kill -0 "${pids[$1]}" 2> /dev/null; do
    [[ $SECONDS -lt $end ]] || fail "validator-$1 does not stop on SIGTERM"
    sleep 0.05
  done
  wait "${pids[$1]}" || fail "validator-$1 ended with status $? after SIGTERM"
  pids[$1]=""
}

print_table() {
  local i
  printf '\n  %-13s %8s %14s %10s   %s\n' validator height transactions restarts "state root"
  for ((i = 0; i < validators; i++)); do
    printf '  %-13s %8s %14s %10s   %.16s\n' "validator-$i" "$(field "$i" height)" \
      "$(field "$i" committed_transactions)" "${restarts[$i]}" "$(field "$i" state_root)"
  done
}

step "Setting up and building"
./tools/setup.sh
./tools/build.sh kiln_command
readonly started=$SECONDS

work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-demo.XXXXXX")
net=$work/testnet

step "Four validators"
start_testnet_with_retries
say "four homes with keys of their own in $net, four processes: ${pids[*]}"
show_heights

step "Real records: every installed package and its version"
dpkg-query -W > "$work/records"
records=$(wc -l < "$work/records")
# Half before the failure, a quarter after it, and the rest in ten batches around it.
awk -v dir="$work" '{
  if (NR % 2 == 1) file = "first"
  else if (NR % 4 == 2) file = "last"
  else file = sprintf("batch-%02d", ++batched % 10 + 1)
  print > (dir "/" file)
}' "$work/records"
say "$records records from dpkg-query; the first $(wc -l < "$work/first") go in through all four validators"
say "$(import "$work/first")"
show_heights

step "Killing the leader in the middle"
echo 0 > "$work/batches-done"
feed_batches &
background=$!
within 20 "three batches to be final" batches_are_done 3
look
leader=$(field 0 leader)
victim=${leader##*-}
before=$(highest)
say "$leader leads the round: kill -9 ${pids[$victim]}, at height $before"
kill_validator "$victim"
wait "$background" || fail "the rest did not go on without $leader"
background=""
within 20 "the rest to go on" has_passed "$before"
say "the other three went on: every record is final"
show_heights

step "Starting $leader again"
start_validator "$victim"
restarts[$victim]=1
within 20 "$leader to catch up" has_caught_up "$victim" "$(highest)"
say "it has caught up"
show_heights
say "the remaining $(wc -l < "$work/last") records go in through $leader"
say "$(import "$work/last" --via "$victim")"
say "read back through $leader, one from before it was killed, one from in between, one from after:"
check_values "$victim"

step "Do all four hold the same?"
within 20 "all four to agree" agree
print_table
for ((i = 0; i < validators; i++)); do
  [[ $(field "$i" committed_transactions) -ge $records ]] || fail "validator-$i lacks records"
done

step "Stopping all four and checking every hash, certificate and state root on disk"
for ((i = 0; i < validators; i++)); do stop_validator "$i"; done
"$kiln" ledger verify --home "$net/validator-0" \
  --against "$net/validator-1" "$net/validator-2" "$net/validator-3" > "$work/verify.log" ||
  fail "the ledgers: $(cat "$work/verify.log")"
say "$(tail -n 1 "$work/verify.log")"

held=yes
printf '\n%sEverything held: %s records final in four equal ledgers, across a kill -9 of the leader (%s s)%s\n' \
  "$green" "$records" "$((SECONDS - started))" "$plain"
