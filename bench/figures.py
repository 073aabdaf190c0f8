"""Runs a benchmark program once and reads its figures. Used by run.py and compare.py."""
import json
import subprocess

# Figures of `kiln bench` of which more is better; of all others less is.
MORE_IS_BETTER = {"committed_per_second"}


def micro(binary, pattern, seconds):
    """{name: real nanoseconds of one iteration}, and the counters, of every benchmark that matches."""
    text = run([binary, "--benchmark_format=json", f"--benchmark_min_time={seconds}",
                f"--benchmark_filter={pattern or '.'}"])
    times, counters = {}, {}
    for one in json.loads(text)["benchmarks"]:
        name = one["name"].removeprefix("BM_").removesuffix("/process_time/real_time").removesuffix("/real_time")
        times[name] = nanoseconds(one["real_time"], one["time_unit"])
        known = {"messages", "bytes", "signatures", "certificate_bytes"} & one.keys()
        if known:
            counters[name] = {counter: one[counter] for counter in sorted(known)}
    return times, counters


def cluster(binary, arguments):
    """The figures of one `kiln bench`. Raises when it lost or failed a transaction."""
    report = json.loads(run([binary, *arguments, "--json"]))
    figures = {"committed_per_second": report["committed_per_second"],
               "cpu_us_per_transaction": cpu_us(report)}
    for name in ("p50", "p90", "p99"):
        figures[f"latency_{name}_ms"] = report["latency_ms"][name]
    return figures


def cpu_us(report):
    """Of all processes together."""
    seconds = report["client_cpu_seconds"] + sum(p["cpu_seconds"] for p in report["processes"])
    return seconds * 1e6 / max(1, report["committed"])


def split(argv):
    """What stands before and after `--`."""
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1:]


def nanoseconds(value, unit):
    return value * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
