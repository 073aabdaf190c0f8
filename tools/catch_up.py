#!/usr/bin/env python3
"""How fast a validator that was away catches up, against the rate at which the others commit.

Four validators as processes of their own on this machine. All take a load of transactions for a while; one is killed, the
others go on, and the one is started again: after the load (`idle`), or in the middle of it (`load`). It has little power, so
that rounds which nobody leads do not slow down the others while it is away. Rates are of one run, so that they can be
compared whatever the machine does otherwise. Needs build/kiln (./tools/build.sh kiln_command).

    tools/catch_up.py                     # both, 20 s of load each
    tools/catch_up.py --seconds 40 idle
    tools/catch_up.py --in-flight 1 idle  # many small blocks
    tools/catch_up.py --blocks 2000 20000 snapshot  # by snapshot, behind chains of these lengths
    tools/catch_up.py --own-core load     # the one on the last core, all else on the first: what it costs the others is what
                                          # they do for it, not the processor that it takes from them
"""
import argparse
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
AWAY = 3


class Net:
    """Four validators in a folder of their own."""

    def __init__(self, kiln, own_core, base_port):
        self.kiln = kiln
        self.own_core = own_core
        self.dir = tempfile.mkdtemp(prefix="kiln-catch-up-")
        self.net = os.path.join(self.dir, "net")
        subprocess.run([kiln, "testnet", "--validators", "4", "--power", "10,10,10,1", "--output", self.net,
                        "--base-port", str(base_port)],
                       check=True, stdout=subprocess.DEVNULL)
        self.nodes = {}
        atexit.register(self.end)

    def configure(self, limits, settings):
        """Before the first start: limits of the genesis, and settings of every kiln.toml."""
        for i in range(4):
            home = os.path.join(self.net, f"validator-{i}")
            with open(os.path.join(home, "genesis.json"), encoding="utf-8") as file:
                genesis = json.load(file)
            genesis["limits"].update(limits)
            with open(os.path.join(home, "genesis.json"), "w", encoding="utf-8") as file:
                json.dump(genesis, file, indent=2)
            path = os.path.join(home, "kiln.toml")
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
            for key, value in settings.items():
                lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")

    def log(self, i):
        with open(os.path.join(self.dir, f"validator-{i}.log"), encoding="utf-8") as file:
            return file.read()

    def start(self, i):
        log = open(os.path.join(self.dir, f"validator-{i}.log"), "ab")
        home = os.path.join(self.net, f"validator-{i}")
        self.nodes[i] = subprocess.Popen(self.pinned(i == AWAY) + [self.kiln, "node", "--home", home],
                                         stdout=log, stderr=log)

    def start_all(self):
        for i in range(4):
            self.start(i)
        for i in range(4):
            self.wait(i, lambda status: status["ready"])

    def pinned(self, to_the_last):
        if not self.own_core:
            return []
        return ["taskset", "-c", str(os.cpu_count() - 1 if to_the_last else 0)]

    def kill(self, i):
        self.nodes[i].send_signal(signal.SIGKILL)
        self.nodes.pop(i).wait()

    def status(self, i):
        """None while it does not answer."""
        home = os.path.join(self.net, f"validator-{i}")
        asked = subprocess.run([self.kiln, "status", "--home", home, "--json"], capture_output=True, check=False)
        if asked.returncode != 0:
            return None
        return json.loads(asked.stdout)["validators"][0]

    def wait(self, i, condition, every=0.05):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            status = self.status(i)
            if status is not None and condition(status):
                return status
            time.sleep(every)
        sys.exit(f"validator {i} did not get there: {self.dir}")

    def load(self, seconds, arguments):
        return subprocess.Popen(
            self.pinned(False) + [self.kiln, "bench", "--testnet", self.net, "--duration", str(seconds), "--payload", str(arguments.payload),
             "--in-flight", str(arguments.in_flight), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def cpu_seconds(self, i):
        with open(f"/proc/{self.nodes[i].pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        for i in list(self.nodes):
            self.nodes[i].terminate()
        for i in list(self.nodes):
            self.nodes.pop(i).wait()
        atexit.unregister(self.end)

    def remove(self):
        self.end()
        shutil.rmtree(self.dir)


def rate(before, after, seconds):
    return {"blocks": (after["height"] - before["height"]) / seconds,
            "transactions": (after["committed_transactions"] - before["committed_transactions"]) / seconds}


def measure(net, seconds, i=0):
    before, begun = net.status(i), time.monotonic()
    time.sleep(seconds)
    after = net.status(i)
    return rate(before, after, time.monotonic() - begun)


def catch_up(net, has_ended):
    """From the first answer after the start until `has_ended`."""
    cpu_before = {i: net.cpu_seconds(i) for i in net.nodes}
    net.start(AWAY)
    started = time.monotonic()
    first = net.wait(AWAY, lambda status: True)
    begun = time.monotonic()
    last = net.wait(AWAY, has_ended, every=0.3)  # each question is a process, which takes its share of the processor
    ended = time.monotonic()
    cpu = {i: net.cpu_seconds(i) - cpu_before.get(i, 0) for i in net.nodes}
    return rate(first, last, ended - begun), ended - started, last, cpu


def report(name, whole, live, caught, seconds, last, cpu, before=None):
    print(f"{name}: caught up to height {last['executed_height']}, {last['committed_transactions']} transactions, "
          f"{seconds:.2f} s after its start; CPU seconds "
          + ", ".join(f"{i}: {used:.2f}" for i, used in sorted(cpu.items())))
    print(f"  all four               {whole['blocks']:8.0f} blocks/s {whole['transactions']:10.0f} transactions/s")
    if before is not None:
        print(f"  the others alone       {before['blocks']:8.0f} blocks/s {before['transactions']:10.0f} transactions/s")
    print(f"  the others {'meanwhile  ' if before else '           '} {live['blocks']:8.0f} blocks/s {live['transactions']:10.0f} transactions/s")
    print(f"  catching up            {caught['blocks']:8.0f} blocks/s {caught['transactions']:10.0f} transactions/s;"
          f" times all four: {caught['blocks'] / max(1, whole['blocks']):.1f} in blocks,"
          f" {caught['transactions'] / max(1, whole['transactions']):.1f} in transactions")


def run_whole(net, arguments):
    """The rate of all four, and then one is gone."""
    seconds = max(6, arguments.seconds / 3)
    load = net.load(seconds + 4, arguments)
    time.sleep(2)
    whole = measure(net, seconds)
    load.communicate()
    net.kill(AWAY)
    return whole


def run_idle(net, whole, arguments):
    load = net.load(arguments.seconds, arguments)
    time.sleep(2)
    live = measure(net, arguments.seconds - 4)
    load.communicate()  # which looks up in every ledger what was acknowledged, on a processor of its own
    target = net.status(0)
    caught, seconds, last, cpu = catch_up(net, lambda status: status["executed_height"] >= target["executed_height"])
    report("after the load", whole, live, caught, seconds, last, cpu)


def run_load(net, whole, arguments):
    load = net.load(2 * arguments.seconds, arguments)
    time.sleep(2)
    before = measure(net, arguments.seconds - 2)
    others, begun = net.status(0), time.monotonic()

    def has_caught_up(status):
        ahead = net.status(0)["executed_height"]
        return status["executed_height"] + 50 >= ahead

    caught, seconds, last, cpu = catch_up(net, has_caught_up)
    live = rate(others, net.status(0), time.monotonic() - begun)
    report("under load", whole, live, caught, seconds, last, cpu, before)
    print(f"  the others kept {100 * live['transactions'] / before['transactions']:.0f} % of what they did alone,"
          f" {100 * live['transactions'] / whole['transactions']:.0f} % of what all four did")
    load.communicate()


def run_snapshot(arguments, blocks):
    """One is away from the first blocks on, while the others go on by so many."""
    net = Net(arguments.kiln, arguments.own_core, arguments.base_port)
    net.configure({"snapshot_interval_blocks": 500, "duplicate_window_blocks": 256}, {"snapshot_catch_up_blocks": 1000})
    net.start_all()
    net.kill(AWAY)
    # The state is as large whatever the chain's length: these writes are to the same keys again and again.
    fill = argparse.Namespace(payload=arguments.payload, in_flight=4000)
    net.load(8, fill).communicate()
    few = argparse.Namespace(payload=arguments.payload, in_flight=2)
    load = net.load(3600, few)
    while (net.status(0) or {"height": 0})["height"] < blocks:
        time.sleep(0.5)
    load.terminate()
    load.communicate()
    time.sleep(3)
    target = net.status(0)
    net.start(AWAY)
    started = time.monotonic()
    net.wait(AWAY, lambda status: status["executed_height"] >= target["executed_height"], every=0.1)
    seconds = time.monotonic() - started
    log = net.log(AWAY)
    if "starting again from the snapshot" not in log:
        sys.exit(f"validator {AWAY} took no snapshot: {net.dir}")
    print(f"by snapshot: {target['executed_height']} blocks, {target['committed_transactions']} transactions behind; "
          f"caught up {seconds:.2f} s after its start")
    net.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of load before the start")
    parser.add_argument("--payload", type=int, default=128)
    parser.add_argument("--in-flight", type=int, default=4000)
    parser.add_argument("--own-core", action="store_true")
    parser.add_argument("--base-port", type=int, default=0, help="of the testnet; 0: what is free")
    parser.add_argument("--kiln", default=os.path.join(ROOT, "build/kiln"))
    parser.add_argument("--blocks", type=int, nargs="+", default=[2000, 20000], help="lengths of the chains of `snapshot`")
    parser.add_argument("which", nargs="*", default=["idle", "load"], metavar="idle|load|snapshot")
    arguments = parser.parse_args()
    for which in arguments.which:
        if which == "snapshot":
            for blocks in arguments.blocks:
                run_snapshot(arguments, blocks)
            continue
        net = Net(arguments.kiln, arguments.own_core, arguments.base_port)
        net.start_all()
        whole = run_whole(net, arguments)
        {"idle": run_idle, "load": run_load}[which](net, whole, arguments)
        net.remove()


if __name__ == "__main__":
    main()
