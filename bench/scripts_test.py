#!/usr/bin/env python3
"""Tests of run.py's and compare.py's arithmetic, and of how they read a program's figures."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402
import figures  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def program(folder, name, output, status=0):
    """An executable that prints `output`."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\necho trouble >&2\nexit {status}\n")
    os.chmod(path, 0o755)
    return path


def micro_json(nanoseconds):
    return json.dumps({"benchmarks": [
        {"name": "BM_Sign", "real_time": nanoseconds, "time_unit": "ns"},
        {"name": "BM_Persist/transactions:0/real_time", "real_time": 2.0, "time_unit": "us"},
        {"name": "BM_MessagesPerRound/n:4", "real_time": 1.0, "time_unit": "ms", "messages": 8.0, "bytes": 2400}]})


CLUSTER = json.dumps({"committed_per_second": 1000.0, "committed": 4000, "client_cpu_seconds": 1.0,
                      "latency_ms": {"p50": 2.0, "p90": 3.0, "p99": 4.0, "max": 5.0},
                      "processes": [{"cpu_seconds": 1.0}, {"cpu_seconds": 2.0}]})


class Scripts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_times_are_nanoseconds_under_short_names(self):
        times, counters = figures.micro(program(self.folder.name, "p", micro_json(50)), "", 0.1)
        self.assertEqual(times, {"Sign": 50, "Persist/transactions:0": 2000, "MessagesPerRound/n:4": 1e6})
        self.assertEqual(counters, {"MessagesPerRound/n:4": {"bytes": 2400, "messages": 8.0}})

    def test_cpu_of_a_transaction_counts_all_processes(self):
        self.assertEqual(figures.cluster(program(self.folder.name, "p", CLUSTER), ["bench"])
                         ["cpu_us_per_transaction"], 1000.0)

    def test_a_program_that_fails_is_quoted(self):
        with self.assertRaisesRegex(SystemExit, "trouble"):
            figures.micro(program(self.folder.name, "p", "{}", status=1), "", 0.1)

    def test_every_second_pair_runs_the_new_one_first(self):
        order = []
        pairs = compare.alternate(2, lambda: order.append("old") or {"x": 1}, lambda: order.append("new") or {"x": 2},
                                  lambda text: None)
        self.assertEqual(order, ["old", "new", "new", "old"])
        self.assertEqual(pairs, [({"x": 1}, {"x": 2})] * 2)

    def test_ratios_are_new_to_old(self):
        row = compare.compare("time", [({"time": 10}, {"time": 5}), ({"time": 8}, {"time": 8}),
                                       ({"time": 10}, {"time": 9})])
        self.assertEqual((row["best"], row["median"], row["lowest"], row["highest"]), (5 / 8, 0.9, 0.5, 1.0))

    def test_the_best_throughput_is_the_highest(self):
        row = compare.compare("committed_per_second", [({"committed_per_second": 100}, {"committed_per_second": 50}),
                                                       ({"committed_per_second": 200}, {"committed_per_second": 300})])
        self.assertEqual(row["best"], 1.5)

    def test_compare_prints_a_row_for_each_benchmark(self):
        old = program(self.folder.name, "old", micro_json(50))
        new = program(self.folder.name, "new", micro_json(25))
        printed = subprocess.run([sys.executable, str(HERE / "compare.py"), old, new, "--rounds", "2", "--json"],
                                 capture_output=True, text=True, check=True).stdout
        self.assertEqual({row["figure"]: row["median"] for row in json.loads(printed)},
                         {"Sign": 0.5, "Persist/transactions:0": 1.0, "MessagesPerRound/n:4": 1.0})

    def test_compare_takes_two_kiln_with_arguments_of_bench(self):
        kiln = program(self.folder.name, "kiln", CLUSTER)
        printed = subprocess.run([sys.executable, str(HERE / "compare.py"), kiln, kiln, "--rounds", "1", "--",
                                  "--validators", "4"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(printed, r"committed_per_second +1000 +1000 +1\.000")

    def test_run_prints_one_line(self):
        program(self.folder.name, "kiln_microbench", micro_json(50))
        program(self.folder.name, "kiln", CLUSTER)
        printed = subprocess.run([sys.executable, str(HERE / "run.py"), "--build", self.folder.name, "--cluster", "--",
                                  "--validators", "4"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed.count("\n"), 1)
        line = json.loads(printed)
        self.assertLessEqual({"commit", "date", "machine", "nanoseconds", "counters", "cluster"}, line.keys())
        self.assertEqual(line["nanoseconds"]["Sign"], 50)
        self.assertEqual(line["cluster"]["committed_per_second"], 1000)


if __name__ == "__main__":
    unittest.main()
