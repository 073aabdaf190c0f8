#!/usr/bin/env python3
"""Compares two builds: runs them in turn and prints ratios, new to old.

    bench/compare.py OLD NEW                        two kiln_microbench
    bench/compare.py OLD NEW --filter 'Mempool'
    bench/compare.py OLD NEW --rounds 5 -- --validators 4 --duration 10 --in-flight 4000
                                                    two kiln: the arguments after -- are kiln bench's
"""
import argparse
import json
import statistics
import sys

import figures


def alternate(rounds, old, new, progress):
    """`rounds` pairs of figures. Every second pair runs the new one first, so that a drift of the
    machine is for neither."""
    pairs = []
    for i in range(rounds):
        progress(f"pair {i + 1} of {rounds}")
        if i % 2 == 0:
            first = old()
            pairs.append((first, new()))
        else:
            first = new()
            pairs.append((old(), first))
    return pairs


def compare(name, pairs):
    """How one figure changed: ratio of the best values, and the ratios within the pairs."""
    best = max if name in figures.MORE_IS_BETTER else min
    olds = [old[name] for old, _ in pairs]
    news = [new[name] for _, new in pairs]
    ratios = [new / old if old else float("nan") for old, new in zip(olds, news)]
    return {"figure": name, "old": statistics.median(olds), "new": statistics.median(news),
            "best": best(news) / best(olds) if best(olds) else float("nan"),
            "median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def compare_all(pairs):
    names = [name for name in pairs[0][0] if all(name in side for pair in pairs for side in pair)]
    return [compare(name, pairs) for name in names]


def table(rows):
    width = max(len(row["figure"]) for row in rows)
    lines = [f"{'figure':<{width}}  {'old':>11} {'new':>11}   ratio: best  median  (lowest to highest)"]
    for row in rows:
        lines.append(f"{row['figure']:<{width}}  {row['old']:>11.5g} {row['new']:>11.5g}         "
                     f"{row['best']:>6.3f}  {row['median']:>6.3f}  ({row['lowest']:.3f} to {row['highest']:.3f})")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--filter", default="", help="benchmarks whose name matches this expression")
    parser.add_argument("--seconds", type=float, default=0.1, help="for each benchmark, at least")
    parser.add_argument("--json", action="store_true")
    own, of_cluster = figures.split(sys.argv[1:])
    arguments = parser.parse_args(own)
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")

    def measure(binary):
        if of_cluster:
            return figures.cluster(binary, ["bench", *of_cluster])
        return figures.micro(binary, arguments.filter, arguments.seconds)[0]

    pairs = alternate(arguments.rounds, lambda: measure(arguments.old), lambda: measure(arguments.new),
                      lambda text: print(text, file=sys.stderr))
    rows = compare_all(pairs)
    if not rows:
        raise SystemExit("the two have no benchmark in common")
    print(json.dumps(rows) if arguments.json else table(rows))


if __name__ == "__main__":
    main()
