#!/usr/bin/env python3
"""Measures a build and prints one line of JSON, to be kept as history.

    bench/run.py >> history.jsonl
    bench/run.py --filter 'Verify|Persist'
    bench/run.py --cluster -- --validators 4 --duration 10 --in-flight 4000
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import figures

ROOT = pathlib.Path(__file__).resolve().parent.parent


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def commit():
    head = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return head + ("+changes" if git("status", "--porcelain") else "")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    return {"processor": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "load": round(os.getloadavg()[0], 2)}


def rounded(numbers):
    return {name: float(f"{value:.4g}") for name, value in numbers.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"), help="build folder")
    parser.add_argument("--filter", default="", help="benchmarks whose name matches this expression")
    parser.add_argument("--seconds", type=float, default=0.2, help="for each benchmark, at least")
    parser.add_argument("--cluster", action="store_true",
                        help="a cluster's figures too; arguments of kiln bench after --")
    own, of_cluster = figures.split(sys.argv[1:])
    arguments = parser.parse_args(own)
    line = {"commit": commit(), "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine()}
    times, counters = figures.micro(os.path.join(arguments.build, "kiln_microbench"), arguments.filter,
                                    arguments.seconds)
    line["nanoseconds"] = rounded(times)
    line["counters"] = {name: rounded(values) for name, values in counters.items()}
    if arguments.cluster:
        line["arguments"] = of_cluster
        line["cluster"] = rounded(figures.cluster(os.path.join(arguments.build, "kiln"),
                                                  ["bench", *of_cluster]))
    print(json.dumps(line))


if __name__ == "__main__":
    main()
