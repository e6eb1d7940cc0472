"""Compare a drift check of a fleet by Ansible with `ansible -m ping` of the same hosts and with their checks alone.

It measures booted hosts over SSH, as many as requested, and simulated hosts over local connections. The agent of a
simulated host is a program that prints a result. The measurements alternate, so that other load affects all of them
alike. Prints the median of each in s, and the ratio of the check to ping and checks. For simulated hosts, it also
shows how the times grow with the number of hosts.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice

from benchmarks import report
from tests.helpers.fleet import FOLDER, Fleet, fleet
from tests.hosts import Result, recipes

GOAL = 1.1
ROUNDS = 5
FORKS = 8
SIZES = (25, 50, 100, 200)
ENGINES = tuple(name for name, engine in recipes.ENGINES.items() if engine.tree in recipes.NETWORK)  # that have ssh
SIMULATED = f"{FOLDER}/simulated"
# Write one program for each host's agent. It prints a result from stdin.
SPLIT = f"""
import json, os, sys
os.makedirs("{SIMULATED}")
for line in sys.stdin:
    name = json.loads(line)["host"]["name"]
    with open(f"{SIMULATED}/{{name}}", "w") as file:
        file.write(f"#!/bin/sh\\ncat <<'END'\\n{{line}}END\\n")
        os.fchmod(file.fileno(), 0o755)
"""
EACH = f'xargs -P {FORKS} -I NAME env {SIMULATED}/NAME < "$1" > /dev/null'


def seconds(what: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def medians(rounds: int, what: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median seconds of each call. They alternate in every round, and a first round is not counted."""
    every = [{name: seconds(run) for name, run in what.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(times[name] for times in every) for name in what}


def show(title: str, found: Mapping[str, float]) -> None:
    """Print the three figures and their ratio."""
    ratio = found["check"] / (found["ping"] + found["alone"])
    figures = "   ".join(f"{name} {value:5.2f} s" for name, value in found.items())
    print(f"{title:24} {figures}   ratio {ratio:.2f} (aim {GOAL})", flush=True)


def checked(ran: Result) -> None:
    """Stop if a run failed, because its time means nothing."""
    if ran.status:
        raise SystemExit(ran.stdout + ran.stderr)


def booted(count: int) -> None:
    """Measure booted hosts of all engines whose trees have ssh."""
    engines = {f"host{n}": engine for n, engine in enumerate(islice(cycle(ENGINES), count))}
    with fleet(engines, dict.fromkeys((n for n, e in engines.items() if e == "bookworm"), ("buildx",)), {}) as made:
        made.configure(platforms=["linux/amd64", "linux/arm64"])
        if (done := made.play("site")).status:
            raise SystemExit(done.output)
        show(f"{count} booted hosts", medians(ROUNDS, measures(made, (), lambda: alone(made))))


def measures(made: Fleet, inventory: tuple[str, ...], alone: Callable[[], object]) -> dict[str, Callable[[], object]]:
    """Return the calls to compare: Ansible's ping, the checks without Ansible, and the playbook."""
    ping = ("ansible", "all", "-m", "ansible.builtin.ping", "--forks", str(FORKS), *inventory)
    check = ("ansible-playbook", "provisioner.docker.check", "--forks", str(FORKS), *inventory)
    return {"ping": lambda: checked(made.run(*ping)), "alone": alone, "check": lambda: checked(made.run(*check))}


def alone(made: Fleet) -> None:
    """Run every host's check, as many at a time as Ansible has forks."""
    with ThreadPoolExecutor(FORKS) as pool:
        list(pool.map(lambda host: host.run("provisioner", "check", "--format=json"), made.members.values()))


def simulated() -> None:
    """Measure local connections to many names, each with its own result."""
    with fleet({}, {}, {}) as made:
        hub = made.controller
        found = list(report.results(max(SIZES), datetime.now(UTC)))
        hub.run("python3", "-c", SPLIT, input="".join(json.dumps(result) + "\n" for result in found), check=True)
        names = [result["host"]["name"] for result in found]
        for size in SIZES:
            hosts, listed = f"{FOLDER}/{size}.json", f"{FOLDER}/{size}.names"
            hub.put(hosts, json.dumps(inventory(names[:size])))
            hub.put(listed, "\n".join(names[:size]) + "\n")
            compared = measures(made, ("-i", hosts), partial(hub.sh, EACH, listed, check=True))
            show(f"{size} simulated hosts", medians(ROUNDS, compared))


def inventory(names: list[str]) -> dict[str, object]:
    """Return an inventory in which every host is the controller, each with its own agent."""
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    hosts = {name: {**variables, "provisioner_executable": f"{SIMULATED}/{name}"} for name in names}
    return {"all": {"hosts": hosts}}


def main(count: str = "8") -> None:
    """Measure simulated hosts first, because they need no engine."""
    simulated()
    booted(int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
