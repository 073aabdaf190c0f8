#!/usr/bin/env python3
"""Tests of tools/wan.py: its arithmetic, its plot, and a few simulated seconds of four validators. Argument: the kiln command."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import wan  # noqa: E402

KILN = ""


def result(blocks, rounds, transactions, proposal_bytes, seconds=10.0):
    """What kiln sim could say."""
    return {"good": True, "failures": [],
            "figures": {"seconds": seconds, "transactions": transactions, "blocks": blocks, "rounds": rounds,
                        "longest_pause_ms": 200.0, "latency_ms": {"p50": 300.0, "p90": 400.0, "p99": 500.0, "max": 600.0},
                        "messages": {"proposal": {"count": 3 * rounds, "bytes": proposal_bytes}},
                        "busiest_line_bytes": proposal_bytes // 2}}


def points(validators):
    return [wan.point(count, fault, load, result(50, 50, 40_000, 150_000_000))
            for count in validators for fault in wan.FAULTS for load in wan.LOADS]


class Wan(unittest.TestCase):
    def test_in_a_cycle_everybody_leads_once(self):
        for validators in (4, 10, 25, 50, 100):
            self.assertEqual(sorted(wan.leaders(validators)), list(range(validators)))

    def test_at_most_a_third_less_one_is_faulty(self):
        for validators in (4, 10, 25, 50, 100):
            self.assertEqual(wan.faulty(validators, "none"), [])
            crashed = wan.faulty(validators, "crashed")
            self.assertEqual(len(set(crashed)), (validators - 1) // 3)
            self.assertLess(max(crashed), validators)
            cut = wan.faulty(validators, "region cut off")
            self.assertLessEqual(len(cut), (validators - 1) // 3)
            self.assertEqual({wan.region_of(validator) for validator in cut}, {2})

    def test_delays_are_half_of_a_round_trip_both_ways(self):
        self.assertEqual(wan.one_way_us(0, 4), 103_500)
        self.assertEqual(wan.one_way_us(4, 0), 103_500)
        self.assertEqual(wan.one_way_us(3, 3), 0)

    def test_a_quorum_is_waited_for_and_no_more(self):
        # Four lead in the order 0, 3, 2, 1. The third vote to reach the next leader is that of 1, 0, 0 and 2, in turn.
        ways = [37 + 55, 82.5 + 38, 38 + 37, 69 + 38]
        self.assertAlmostEqual(wan.delay_of_round_ms(4, []), sum(ways) / 4 + 4 * wan.LOCAL_US / 1000)
        self.assertGreater(wan.delay_of_round_ms(4, [1]), wan.delay_of_round_ms(4, []))

    def test_shares_of_the_time_are_of_all_of_it(self):
        found = wan.point(4, "none", "full", result(50, 50, 48_000, 157_000_000))
        self.assertAlmostEqual(sum(found["time"].values()), 1.0)
        self.assertAlmostEqual(found["time"]["line"], 157_000_000 / 125_000 / 10_000)
        self.assertEqual(found["transactions_per_second"], 4800)
        self.assertEqual(found["round_ms"], 200)

    def test_what_bounds_a_point_is_named_largest_first(self):
        parts = {"delay": 0.2, "line": 0.7, "disk": 0.01, "other": 0.09}
        self.assertEqual(wan.bound_by(parts, 0.0, 0.99), "leader's line 70 %, delay 20 %; blocks are full")
        parts = {"delay": 0.3, "line": 0.05, "disk": 0.0, "other": 0.65}
        self.assertEqual(wan.bound_by(parts, 0.25, 0.5), "timers of lost rounds 65 %, delay 30 %")
        self.assertEqual(wan.bound_by(parts, 0.0, 0.5), "waiting 65 %, delay 30 %")

    def test_an_axis_reaches_what_it_shows_in_few_steps(self):
        for highest in (0.7, 1, 3, 99, 100, 101, 4238, 7480, 60_000):
            ticks = wan.ticks_to(highest)
            self.assertGreaterEqual(ticks[-1], highest)
            self.assertLessEqual(len(ticks), 7)

    def test_the_plot_is_xml_with_a_marker_for_every_point(self):
        for validators in ([4], [4, 100]):
            root = xml.etree.ElementTree.fromstring(wan.svg(points(validators)))
            circles = [node for node in root.iter() if node.tag.endswith("circle")]
            self.assertEqual(len(circles), 3 * len(validators) + 1)  # and one in the legend

    def test_tables_have_a_row_for_every_point(self):
        for table in (wan.latency_table(points([4, 10])), wan.throughput_table(points([4, 10]))):
            lines = table.splitlines()
            self.assertEqual(len(lines), 2 + 2 * len(wan.FAULTS))
            self.assertEqual(len({line.count("|") for line in lines}), 1)

    def test_numbers_of_validators_that_cannot_be_are_refused(self):
        for wrong in ("3,4", "101", "four", ""):
            done = subprocess.run([sys.executable, wan.__file__, "--validators", wrong], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("must be numbers from 4 to 100", done.stderr)

    def test_four_validators_run(self):
        with tempfile.TemporaryDirectory() as folder:
            plot = os.path.join(folder, "wan.svg")
            command = [sys.executable, wan.__file__, "--kiln", KILN, "--validators", "4", "--seconds", "2", "--svg", plot,
                       "--keep", folder, "--json"]
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            xml.etree.ElementTree.parse(plot)
            self.assertEqual(len([name for name in os.listdir(folder) if name.endswith(".toml")]), 6)
        found = {(point["fault"], point["load"]): point for point in json.loads(printed)}
        self.assertEqual(len(found), 6)
        # What the leaders' order and the delays say that a round takes is what it takes.
        light = found["none", "light"]
        self.assertAlmostEqual(light["round_ms"], wan.delay_of_round_ms(4, []), delta=10)
        self.assertGreater(found["none", "full"]["block_fill"], wan.FULL_FROM)
        self.assertGreater(found["none", "full"]["transactions_per_second"], 5000)


if __name__ == "__main__":
    KILN = sys.argv.pop()
    unittest.main()
