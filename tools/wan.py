#!/usr/bin/env python3
"""Throughput and latency on a WAN of five regions, simulated, as a function of the number of validators.

Runs `kiln sim` on scenarios of 4 to 100 validators that are spread over five regions: between regions messages take half
of a published round trip, every validator has a line of 1 Gbit/s, and chain and nodes have Kiln's default settings. Each
number of validators is run without faults, with as many validators crashed as it bears, and with a region cut off, each
under light load, for latency, and under more load than it takes, for throughput. All of it is simulated time and follows
from the seed: whatever the machine does, it is the same again. Beside each point stands what a round's time went into.
Needs build/kiln (./tools/build.sh kiln_command).

    tools/wan.py                               # a table in Markdown on stdout, progress on stderr
    tools/wan.py --svg docs/wan.svg            # and the plot
    tools/wan.py --validators 4,10 --json      # some of it, for scripts
    tools/wan.py --keep DIR                    # the scenarios as files, for `kiln sim --scenario FILE --trace`
"""
import argparse
import concurrent.futures
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Round trips between regions of Azure, ms: 95th percentile of the 30 days to 30 July 2026, the larger of both directions.
# https://learn.microsoft.com/azure/networking/azure-network-latency
REGIONS = ["East US", "West US", "North Europe", "Japan East", "Australia East"]
ROUND_TRIP_MS = {(0, 1): 74, (0, 2): 76, (0, 3): 165, (0, 4): 207,
                 (1, 2): 138, (1, 3): 110, (1, 4): 142,
                 (2, 3): 232, (2, 4): 272,
                 (3, 4): 105}
# Added to each message, between machines of one region, too: this, and as much again on average.
LOCAL_US = 250

LINE_BYTES_PER_MS = 125_000  # 1 Gbit/s
SYNC_US = 500
EXECUTE_US = 2000
TRANSACTION_BYTES = 1024
# What a transaction needs in a block beside its payload (its key, here "client-123456", and lengths).
ENVELOPE_BYTES = 24
BLOCK_BYTES_MAX = 1 << 20  # a chain's default
LIGHT_PER_SECOND = 20
MORE_THAN_FITS = 1.2  # of what full blocks carry when nothing but delays and lines takes time
FULL_FROM = 0.95      # of a block's bytes
DISK_BYTES_PER_US = 250  # as sim/sim_replica.cc has it

# CPU of one thread, measured (docs/performance.md). The simulator has none of it.
SIGNATURE_MS = 0.062    # one verified, the mean of certificates from 3 to 67 signatures
TRANSACTION_MS = 0.020  # one of 1 KiB, all that a validator does for it

FAULTS = ["none", "crashed", "region cut off"]
LOADS = ["light", "full"]

FAULT_AT_MS = 1000
MEASURE_FROM_MS = 6000  # timers and queues have settled


def one_way_us(a, b):
    return 0 if a == b else ROUND_TRIP_MS[min(a, b), max(a, b)] * 500


def region_of(validator):
    return validator % len(REGIONS)


def fault_max(validators):
    return (validators - 1) // 3


def faulty(validators, fault):
    """Who is not there."""
    if fault == "crashed":
        # Every third, as far apart as they lead: as many of each region as comes out.
        return list(range(1, 3 * fault_max(validators) + 1, 3))
    if fault == "region cut off":
        return [v for v in range(validators) if region_of(v) == 2]  # North Europe
    return []


def leaders(validators):
    """Of one cycle of rounds: as consensus/leader_election.cc, for equal powers."""
    golden = round(validators * (math.sqrt(5) - 1) / 2)
    distance = 0
    while True:
        for stride in (golden + distance, golden - distance):
            if stride >= 0 and math.gcd(stride, validators) == 1:
                return [r * stride % validators for r in range(validators)]
        distance += 1


def delay_of_round_ms(validators, absent):
    """From a leader's proposal to the quorum of votes at the next leader, the mean over a cycle: the network's delays alone."""
    present = [v for v in range(validators) if v not in absent]
    quorum = 2 * validators // 3 + 1
    order = [v for v in leaders(validators) if v in present]

    def hop(a, b):
        return 0 if a == b else one_way_us(region_of(a), region_of(b)) + 2 * LOCAL_US

    total = 0
    for leader, following in zip(order, order[1:] + order[:1]):
        total += sorted(hop(leader, v) + hop(v, following) for v in present)[quorum - 1]
    return total / len(order) / 1000


def line_of_block_ms(validators, block_bytes):
    return (validators - 1) * block_bytes / LINE_BYTES_PER_MS


def transactions_per_full_block():
    return BLOCK_BYTES_MAX // (TRANSACTION_BYTES + ENVELOPE_BYTES)


def full_round_ms(validators):
    return delay_of_round_ms(validators, []) + line_of_block_ms(validators, BLOCK_BYTES_MAX)


def offered_per_second(validators, load):
    if load == "light":
        return LIGHT_PER_SECOND
    return int(MORE_THAN_FITS * transactions_per_full_block() * 1000 / full_round_ms(validators))


def measured_seconds(validators, fault, load):
    """Long enough for many rounds, and with faults for many turns of those that are not there."""
    if load == "light":
        return 40
    return 12 if fault == "none" else max(15, math.ceil(25 * full_round_ms(validators) / 1000))


def scenario(validators, fault, load, seconds, seed):
    """TOML for kiln sim."""
    delays = [[one_way_us(a, b) for b in range(len(REGIONS))] for a in range(len(REGIONS))]
    end_ms = MEASURE_FROM_MS + 1000 * seconds
    lines = [f'name = "wan, {validators} validators, faults: {fault}, load: {load}"',
             f"seed = {seed}",
             f"powers = {[1] * validators}",
             f"regions = {[region_of(v) for v in range(validators)]}",
             f"region_delays_us = {delays}",
             f"delay_min_us = {LOCAL_US}",
             f"delay_mean_us = {2 * LOCAL_US}",
             f"link_bytes_per_ms = {LINE_BYTES_PER_MS}",
             f"sync_us = {SYNC_US}",
             f"execute_us = {EXECUTE_US}",
             "round_timeout_min_ms = 500",
             "round_timeout_max_ms = 10000",
             "heartbeat_ms = 5000",
             f"block_bytes_max = {BLOCK_BYTES_MAX}",
             "duplicate_window_blocks = 4096",
             "snapshot_interval_blocks = 10000",
             "mempool_transactions_max = 200000",
             f"mempool_bytes_max = {64 << 20}",
             f"transactions_per_s = {offered_per_second(validators, load)}",
             f"transaction_bytes = {TRANSACTION_BYTES}",
             f"chaos_ms = {end_ms}",
             "calm_ms = 600000",  # that is a limit
             "calm_rounds = 1",
             f"measure_from_ms = {MEASURE_FROM_MS}"]
    absent = faulty(validators, fault)
    if fault == "crashed":
        lines += ["", "[[fault]]", 'row = "K2"', 'kind = "crash"', f"at_ms = {FAULT_AT_MS}", f"nodes = {absent}",
                  "amount = 1"]
    elif fault == "region cut off":
        lines += ["", "[[fault]]", 'row = "N2"', 'kind = "partition"', f"at_ms = {FAULT_AT_MS}",
                  f"for_ms = {end_ms - FAULT_AT_MS}", f"nodes = {absent}"]
    return "\n".join(lines) + "\n"


def run(kiln, path):
    """What kiln sim says of a scenario."""
    done = subprocess.run([kiln, "sim", "--scenario", path, "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        sys.exit(f"wan.py: kiln sim --scenario {path}: {done.stderr.strip() or done.stdout.strip()}")
    result = json.loads(done.stdout)
    for failure in result["failures"][:1]:
        print(f"wan.py: {path}: VIOLATION {failure['invariant']} at {failure['at']} s: {failure['what']}", file=sys.stderr)
    return result


# --- What a run says

def point(validators, fault, load, result):
    """The figures of one run, and what the time of its rounds went into."""
    figures = result["figures"]
    ms = 1000 * figures["seconds"]
    rounds, blocks = figures["rounds"], figures["blocks"]
    proposal_bytes = figures["messages"].get("proposal", {"bytes": 0})["bytes"]
    receivers = validators - 1 - (len(faulty(validators, fault)) if fault == "crashed" else 0)
    block_bytes = proposal_bytes / max(1, rounds * receivers)
    parts = {"delay": blocks * delay_of_round_ms(validators, faulty(validators, fault)) / ms,
             "line": proposal_bytes / LINE_BYTES_PER_MS / ms,
             "disk": blocks * (SYNC_US + block_bytes / DISK_BYTES_PER_US) / 1000 / ms}
    parts["other"] = max(0.0, 1 - sum(parts.values()))
    quorum = 2 * validators // 3 + 1
    per_block = figures["transactions"] / max(1, blocks)
    return {"validators": validators, "fault": fault, "load": load, "good": result["good"],
            "offered_per_second": offered_per_second(validators, load),
            "transactions_per_second": figures["transactions"] / figures["seconds"],
            "megabytes_per_second": figures["transactions"] * TRANSACTION_BYTES / 1e6 / figures["seconds"],
            "latency_ms": figures["latency_ms"],
            "rounds": rounds,
            "round_ms": ms / max(1, rounds),
            # A block whose round began before the first one that is counted may be among them.
            "rounds_without_a_block": max(0, 1 - blocks / max(1, rounds)),
            "block_fill": per_block / transactions_per_full_block(),
            "longest_pause_ms": figures["longest_pause_ms"],
            "time": parts,
            "line_busy": {"of_leaders_with_proposals": parts["line"],
                          "of_the_busiest": figures["busiest_line_bytes"] / LINE_BYTES_PER_MS / ms},
            "messages_per_round": {kind: round(sent["count"] / max(1, rounds), 1)
                                   for kind, sent in figures["messages"].items()},
            "cpu_ms_per_block": quorum * SIGNATURE_MS + per_block * TRANSACTION_MS,
            "bound_by": bound_by(parts, 1 - blocks / max(1, rounds), per_block / transactions_per_full_block())}


def bound_by(parts, failed, fill):
    """In words: the largest shares of the time, and whether larger blocks would have carried more."""
    names = {"delay": "delay", "line": "leader's line", "disk": "disk",
             "other": "timers of lost rounds" if failed > 0.02 else "waiting"}
    shares = sorted(((share, names[part]) for part, share in parts.items() if share >= 0.1), reverse=True)
    text = ", ".join(f"{name} {100 * share:.0f} %" for share, name in shares)
    return text + ("; blocks are full" if fill > FULL_FROM else "")


def measure(options):
    """All points, in the order of the table."""
    runs = [(validators, fault, load) for validators in options.validators for fault in FAULTS for load in LOADS]
    folder = options.keep or tempfile.mkdtemp(prefix="kiln-wan-")
    os.makedirs(folder, exist_ok=True)

    def one(key):
        path = os.path.join(folder, "-".join(str(part).replace(" ", "-") for part in ("wan",) + key) + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(scenario(*key, options.seconds or measured_seconds(*key), options.seed))
        return point(*key, run(options.kiln, path))

    points = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for key, found in zip(runs, pool.map(one, runs)):
            points.append(found)
            print(f"wan.py: {len(points)} of {len(runs)}: {key[0]} validators, faults: {key[1]}, load: {key[2]}",
                  file=sys.stderr, flush=True)
    if not options.keep and all(found["good"] for found in points):
        shutil.rmtree(folder)
    return points


# --- Showing it

def markdown(rows):
    """A table of rows of texts, the first one its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0])] + lines[1:])


def of_load(points, load):
    return [found for found in points if found["load"] == load]


def thousands(value):
    return f"{value:,.0f}"


def latency_table(points):
    rows = [["validators", "faults", "p50, ms", "p99, ms", "a round, ms", "delays of it, ms", "rounds without a block",
             "longest pause, ms", "where the time goes"]]
    for found in of_load(points, "light"):
        delay_ms = delay_of_round_ms(found["validators"], faulty(found["validators"], found["fault"]))
        rows.append([str(found["validators"]), found["fault"], thousands(found["latency_ms"]["p50"]),
                     thousands(found["latency_ms"]["p99"]), thousands(found["round_ms"]), thousands(delay_ms),
                     f"{100 * found['rounds_without_a_block']:.0f} %", thousands(found["longest_pause_ms"]),
                     found["bound_by"]])
    return markdown(rows)


def throughput_table(points):
    rows = [["validators", "faults", "transactions/s", "MB/s", "a round, ms", "rounds without a block",
             "CPU of a block, ms", "where the time goes"]]
    for found in of_load(points, "full"):
        rows.append([str(found["validators"]), found["fault"], thousands(found["transactions_per_second"]),
                     f"{found['megabytes_per_second']:.1f}", thousands(found["round_ms"]),
                     f"{100 * found['rounds_without_a_block']:.0f} %", f"{found['cpu_ms_per_block']:.0f}",
                     found["bound_by"]])
    return markdown(rows)


STYLE = """
    text { font-family: Helvetica, Arial, sans-serif; font-size: 13px; fill: #1c2430; }
    .page { fill: #ffffff; }
    .title { font-size: 15px; font-weight: bold; }
    .quiet { fill: #45505f; font-size: 12px; }
    .grid { stroke: #d5dce3; stroke-width: 1; }
    .axis { stroke: #8a94a3; stroke-width: 1.5; }
    .line { fill: none; stroke-width: 2.5; }
    .p99 { stroke-dasharray: 6 5; }
    .s0 { stroke: #1f6fd1; } .m0 { fill: #1f6fd1; }
    .s1 { stroke: #c2570c; } .m1 { fill: #c2570c; }
    .s2 { stroke: #3b8a4a; } .m2 { fill: #3b8a4a; }
    @media (prefers-color-scheme: dark) {
      text { fill: #eef2f7; }
      .page { fill: #0f141b; }
      .quiet { fill: #b6c1cf; }
      .grid { stroke: #2b3542; }
      .axis { stroke: #7c8897; }
      .s0 { stroke: #6ea2ea; } .m0 { fill: #6ea2ea; }
      .s1 { stroke: #ff9a5c; } .m1 { fill: #ff9a5c; }
      .s2 { stroke: #6cc27d; } .m2 { fill: #6cc27d; }
    }
"""
WIDTH, HEIGHT = 980, 470
PANEL_WIDTH, TOP, BOTTOM = 400, 80, 350
FAULT_NAMES = {"none": "no faults", "crashed": "(n - 1) / 3 of n crashed", "region cut off": "one region of five cut off"}


def ticks_to(highest):
    """Ends of at most six steps from 0 that reach `highest`: multiples of 1, 2 or 5 times a power of ten."""
    step = 10 ** math.floor(math.log10(max(highest, 1)))
    for factor in (0.1, 0.2, 0.5, 1, 2, 5):
        if highest <= 6 * factor * step:
            return [i * factor * step for i in range(math.ceil(highest / (factor * step)) + 1)]
    return [0, 10 * step]


def marker(fault, x, y):
    """A circle, a square or a triangle, so that colors are not needed to tell them apart."""
    kind = FAULTS.index(fault)
    if kind == 0:
        return f'<circle class="m0" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    if kind == 1:
        return f'<rect class="m1" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    return f'<path class="m2" d="M{x:.1f} {y - 5.5:.1f} l5.5 9.5 h-11 z"/>'


def panel(left, title, unit, validators, curves):
    """Axes and curves: (fault, dashed, values by validators)."""
    ticks = ticks_to(max(max(values.values()) for _, _, values in curves))
    low, high = math.log(validators[0]), math.log(max(validators[-1], validators[0] + 1))

    def x_of(count):
        return left + 20 + (PANEL_WIDTH - 40) * (math.log(count) - low) / (high - low)

    def y_of(value):
        return BOTTOM - (BOTTOM - TOP) * value / ticks[-1]

    parts = [f'<text class="title" x="{left}" y="{TOP - 34}">{title}</text>',
             f'<text class="quiet" x="{left}" y="{TOP - 16}">{unit}</text>']
    for tick in ticks:
        y = y_of(tick)
        parts.append(f'<path class="{"grid" if tick else "axis"}" d="M{left} {y:.1f} h{PANEL_WIDTH}"/>'
                     f'<text class="quiet" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,.0f}</text>')
    for count in validators:
        parts.append(f'<path class="axis" d="M{x_of(count):.1f} {BOTTOM} v5"/>'
                     f'<text class="quiet" x="{x_of(count):.1f}" y="{BOTTOM + 20}" text-anchor="middle">{count}</text>')
    parts.append(f'<text class="quiet" x="{left + PANEL_WIDTH / 2}" y="{BOTTOM + 40}" text-anchor="middle">validators</text>')
    for fault, dashed, values in curves:
        at = [(x_of(count), y_of(value)) for count, value in values.items()]
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in at)
        parts.append(f'<path class="line s{FAULTS.index(fault)}{" p99" if dashed else ""}" d="M{path}"/>')
        parts += [marker(fault, x, y) for x, y in at]
    return parts


def svg(points):
    validators = sorted({found["validators"] for found in points})

    def curve(fault, load, dashed, value):
        return fault, dashed, {found["validators"]: value(found) for found in of_load(points, load)
                               if found["fault"] == fault}

    throughput = [curve(fault, "full", False, lambda found: found["transactions_per_second"]) for fault in FAULTS]
    latency = []
    for fault in FAULTS:
        latency.append(curve(fault, "light", False, lambda found: found["latency_ms"]["p50"]))
        latency.append(curve(fault, "light", True, lambda found: found["latency_ms"]["p99"]))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'aria-label="Throughput and latency on a simulated WAN, by the number of validators">',
             f"  <style>{STYLE}  </style>", f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>']
    parts += panel(70, "Throughput, more offered than fits",
                   f"transactions of {TRANSACTION_BYTES} bytes per second", validators, throughput)
    parts += panel(560, f"Latency, {LIGHT_PER_SECOND} transactions a second",
                   "ms from a validator's client to its receipt", validators, latency)
    x = 70
    for fault in FAULTS:
        parts.append(f'<path class="line s{FAULTS.index(fault)}" d="M{x} {HEIGHT - 44} h34"/>'
                     + marker(fault, x + 17, HEIGHT - 44)
                     + f'<text x="{x + 42}" y="{HEIGHT - 40}">{FAULT_NAMES[fault]}</text>')
        x += 60 + 8 * len(FAULT_NAMES[fault])
    x = 760
    for dashed, name in ((False, "p50"), (True, "p99")):
        parts.append(f'<path class="line axis{" p99" if dashed else ""}" d="M{x} {HEIGHT - 44} h34"/>'
                     f'<text x="{x + 42}" y="{HEIGHT - 40}">{name}</text>')
        x += 90
    parts.append(f'<text class="quiet" x="70" y="{HEIGHT - 14}">Simulated: five regions, published delays, 1 Gbit/s for each '
                 f'validator; no processing time (tools/wan.py)</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"


def counts(text):
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 4 or found[-1] > 100:
        raise argparse.ArgumentTypeError(f"{text}: must be numbers from 4 to 100, as in 4,10,25")
    return found


def above_zero(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number above 0")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--validators", type=counts, default=[4, 10, 25, 50, 100], metavar="N,N,...",
                        help="how many, from 4 to 100 (default: 4,10,25,50,100)")
    parser.add_argument("--svg", metavar="FILE", help="write the plot to this file")
    parser.add_argument("--json", action="store_true", help="print all figures of all points as JSON, not tables")
    parser.add_argument("--seed", type=int, default=1, help="of delays and clients (default: %(default)s)")
    parser.add_argument("--seconds", type=above_zero,
                        help="measured in each run, simulated (default: 12 to 40, by what there is to see)")
    parser.add_argument("--jobs", type=above_zero, default=1, help="runs at a time (default: %(default)s)")
    parser.add_argument("--keep", metavar="DIR", help="leave the scenarios of all points in this folder")
    parser.add_argument("--kiln", default=os.path.join(ROOT, "build/kiln"), help="the command (default: %(default)s)")
    options = parser.parse_args()
    if not os.access(options.kiln, os.X_OK):
        sys.exit(f"wan.py: there is no {options.kiln}: build it with ./tools/build.sh kiln_command, or name it with --kiln")
    points = measure(options)
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as file:
            file.write(svg(points))
    if options.json:
        print(json.dumps(points, indent=2))
    else:
        print(f"{throughput_table(points)}\n\n{latency_table(points)}")
    if not all(found["good"] for found in points):
        sys.exit(1)


if __name__ == "__main__":
    main()
