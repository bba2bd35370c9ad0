"""Runs Autobahn|Testsuite's fuzzing client against a server, or its fuzzing server against a client, and judges its
report.

    autobahn.py --wstest .cache/autobahn/wstest --out FOLDER [--profile base] [--jobs N] AGENT ws://127.0.0.1:PORT/path
    autobahn.py --wstest .cache/autobahn/wstest --out FOLDER [--profile base] [--jobs N] AGENT --client PROGRAM

The program is called with the fuzzing server's URL and the agent's name; it runs all cases and asks for the report.

Prints a table of the groups and `N passed, M failed`. Every case has to be OK or INFORMATIONAL, NON-STRICT is a
failure, and so are UNIMPLEMENTED and a case without a result: a crash shows as missing cases. Exit status: 0 all
passed, 1 some failed, 2 the suite did not run.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import time

BASE = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
PROFILES = {
    # Without the large messages of group 9.
    "core": [group for group in BASE if group != "9.*"],
    "base": BASE,
    # Every message size and fragment size once, over all payloads and all parameter sets of compression.
    "ci": BASE + ["12.1.1", "12.1.2", "12.1.3", "12.1.4", "12.1.5", "12.1.11", "12.2.4", "12.2.6", "12.3.1", "12.3.7",
                  "12.4.3", "12.4.8", "12.5.5", "12.5.11"]
               + [f"13.{parameters}.{case}" for parameters in range(1, 8) for case in (1, 3, 5, 11)],
    "full": ["*"],
}
GOOD = ("OK", "INFORMATIONAL")
KINDS = ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "FAILED")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", help="the name in the report")
    parser.add_argument("url", nargs="?", help="of the server to test")
    parser.add_argument("--client", type=pathlib.Path, help="the client to test, instead of a server")
    parser.add_argument("--wstest", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the report's folder, emptied first")
    parser.add_argument("--profile", choices=PROFILES, default="base")
    parser.add_argument("--cases", help="patterns behind commas, instead of the profile's")
    parser.add_argument("--jobs", type=int, default=1, help="split the cases over this many processes")
    parser.add_argument("--limit-s", type=int, default=3600, help="for the whole run")
    options = parser.parse_args()
    if (options.url is None) == (options.client is None):
        parser.error("name the URL of a server, or a client")

    shutil.rmtree(options.out, ignore_errors=True)
    began = time.monotonic()
    cases = options.cases.split(",") if options.cases else PROFILES[options.profile]
    planned, results = run(options, deal(options, cases), began + options.limit_s)
    if not planned:
        print(f"the suite did not run: see {options.out}")
        return 2
    bad = {case: verdict(result) for case, result in results.items() if not good(result)}
    missing = [case for case in planned if case not in results]
    table(results)
    for case in sorted(bad, key=order):
        print(f"case {case}: {bad[case]}")
    if missing:
        print(f"without a result: {', '.join(sorted(missing, key=order))}")
    print(f"{options.agent}: profile {options.profile}, {time.monotonic() - began:.1f} s, report {options.out}")
    failed = len(bad) + len(missing)
    print(f"{len(planned) - failed} passed, {failed} failed")
    return 1 if failed else 0


def deal(options, cases):
    """Splits the cases over the jobs."""
    if options.jobs <= 1:
        return [cases]
    # The suite itself names the cases that the patterns mean: it prints them before it finds nobody listening.
    nowhere = spec(options.out / "plan", cases, servers=[{"agent": "nobody", "url": "ws://127.0.0.1:1"}])
    said = subprocess.run(wstest(options, "fuzzingclient", nowhere), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    names = plan(said.stdout)
    random.Random(1).shuffle(names)  # in order, one job would get most of the heavy ones
    return [names[job::options.jobs] for job in range(options.jobs)]


def run(options, hands, until):
    """Runs a process for each hand of cases; returns the names of all cases and {case: result}."""
    jobs = []
    start = start_client if options.client else start_fuzzing_client
    for number, cases in enumerate(hands):
        folder = options.out / f"job-{number}"
        jobs.append((folder, *start(options, folder, cases)))
    planned, results = [], {}
    for folder, process, server in jobs:
        try:
            process.wait(max(1.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"the limit of {options.limit_s} s ran out")
            process.kill()
            process.wait()
        if server:
            server.kill()
            server.wait()
        planned += plan((folder / "wstest.log").read_text())
        index = folder / "index.json"
        if index.exists():
            results.update(json.loads(index.read_text()).get(options.agent, {}))
    return planned, results


def start_fuzzing_client(options, folder, cases):
    """Tests a server: returns the process to wait for, and none to end then."""
    file = spec(folder, cases, servers=[{"agent": options.agent, "url": options.url}])
    return log(folder / "wstest.log", wstest(options, "fuzzingclient", file)), None


def start_client(options, folder, cases):
    """Tests a client: returns its process, and that of the fuzzing server that it is tested by."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"ws://127.0.0.1:{port}"
    server = log(folder / "wstest.log", wstest(options, "fuzzingserver", spec(folder, cases, url=url)) + ["--webport", "0"])
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    return log(folder / "client.log", [options.client, url, options.agent]), server


def log(file, command):
    with open(file, "w") as to:
        return subprocess.Popen(command, stdout=to, stderr=subprocess.STDOUT)


def spec(folder, cases, **sides):
    """Writes what the suite is to do; returns the file."""
    folder.mkdir(parents=True)
    file = folder / "spec.json"
    file.write_text(json.dumps({"outdir": str(folder), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {},
                                **sides}))
    return file


def wstest(options, mode, file):
    return [options.wstest, "-m", mode, "-s", file]


def plan(log):
    """The cases that the suite says it will run."""
    line = re.search(r"^Cases = (\[.*\])$", log, re.MULTILINE)
    return re.findall(r"'([\d.]+)'", line.group(1)) if line else []


def good(result):
    return result["behavior"] in GOOD and result["behaviorClose"] in GOOD


def verdict(result):
    return f"{result['behavior']}, close {result['behaviorClose']}"


def table(results):
    groups = collections.defaultdict(collections.Counter)
    for case, result in results.items():
        kind = result["behavior"] if result["behavior"] in KINDS else "FAILED"
        for row in (group(case), "all"):
            groups[row][kind] += 1
            groups[row]["close"] += result["behaviorClose"] not in GOOD
    print(f"{'group':>5} {'cases':>6}" + "".join(f" {kind:>13}" for kind in KINDS) + f" {'bad close':>10}")
    for row in sorted(groups, key=lambda name: order(name) if name != "all" else (99,)):
        counts = groups[row]
        cases = sum(counts[kind] for kind in KINDS)
        print(f"{row:>5} {cases:>6}" + "".join(f" {counts[kind]:>13}" for kind in KINDS) + f" {counts['close']:>10}")


def group(case):
    return case.split(".")[0]


def order(case):
    return tuple(int(part) for part in case.split("."))


sys.exit(main())
