#!/usr/bin/env python3
"""How long a validator is away after `kill -9` when the ledger is long, and how long all four are.

Makes a ledger of small blocks with `kiln bench`, unless --net names one that is there, whose validators are stopped. A
restart ends when `kiln status` says `ready`: the validator signs again, doppelganger_wait_ms included. Needs build/kiln
(./tools/build.sh kiln_command).

    tools/restart.py --transactions 1000000 --in-flight 40   # about 10 transactions a block
    tools/restart.py --net /elsewhere/net                    # the same measured again
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

from catch_up import Net, ROOT


class Ledger(Net):
    """Four validators on a testnet that stays where it is."""

    def __init__(self, kiln, net):
        self.kiln, self.own_core, self.net, self.nodes = kiln, False, net, {}
        self.dir = tempfile.mkdtemp(prefix="kiln-restart-")


def fill(net, arguments):
    """Until there are as many transactions."""
    while True:
        status = net.status(0)
        print(f"{status['committed_transactions']} transactions in {status['height']} blocks", flush=True)
        if status["committed_transactions"] >= arguments.transactions:
            return
        load = argparse.Namespace(payload=32, in_flight=arguments.in_flight)
        net.load(30, load).communicate()


def measure_one(net, i):
    net.kill(i)
    begun = time.monotonic()
    net.start(i)
    net.wait(i, lambda status: status["ready"])
    print(f"one, validator-{i}: ready after {time.monotonic() - begun:.2f} s", flush=True)


def measure_all(net, turn):
    for i in range(4):
        net.kill(i)
    begun = time.monotonic()
    net.start_all()
    seconds = time.monotonic() - begun
    put = subprocess.run([net.kiln, "kv", "put", f"restart {turn}", "v", "--testnet", net.net], capture_output=True, check=False)
    if put.returncode != 0:
        sys.exit(f"the next write failed: {put.stderr.decode()}")
    print(f"all four: ready after {seconds:.2f} s, the next write final after {time.monotonic() - begun:.2f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=100000)
    parser.add_argument("--in-flight", type=int, default=40)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--net", help="a testnet's folder; a new one when left out, which stays")
    parser.add_argument("--kiln", default=os.path.join(ROOT, "build/kiln"))
    arguments = parser.parse_args()
    if arguments.net is None:
        arguments.net = os.path.join(tempfile.mkdtemp(prefix="kiln-restart-net-"), "net")
        subprocess.run([arguments.kiln, "testnet", "--validators", "4", "--output", arguments.net], check=True,
                       stdout=subprocess.DEVNULL)
        print(f"the ledger is made in {arguments.net}", flush=True)
    net = Ledger(arguments.kiln, arguments.net)
    try:
        net.start_all()
        fill(net, arguments)
        for turn in range(arguments.times):
            measure_one(net, turn % 4)
            time.sleep(2)
        for turn in range(arguments.times):
            measure_all(net, turn)
            time.sleep(2)
    finally:
        net.end()


if __name__ == "__main__":
    main()
