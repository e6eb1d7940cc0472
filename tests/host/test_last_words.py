"""What a unit said last: with systemd-python, without it, and where not even journalctl is there."""

import json

import pytest

from tests.conftest import Boot
from tests.hosts import Host

pytestmark = pytest.mark.host
ASK = """
import json, os, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.daemon import managers, restart
from provisioner.host import System
host = System("/", os.environ)
[manager] = [m for m in managers.MANAGERS if m.name == "systemd"]
print(json.dumps({u: [host.messages(u, 9), restart.last_words(host, manager, u)] for u in sys.argv[1:]}))
"""
# What the programs of these units print before they fail: systemd's own words about the failure follow in the journal.
UNITS = {
    "plain": "a first line\\nfailed to start daemon: no\\nthe end\\n",
    "unnamed": "unknown flag: --nothing\\n",
    "foreign": "failed to start daemon: caf\\351\\n",
    "silent": "",
}
LIBRARY = "/usr/lib/python3/dist-packages/systemd"


def words(host: Host) -> dict[str, tuple[list[str] | None, str]]:
    """Return the messages of each unit as the library has them, and what is said of it."""
    ran = host.run("python3", "-I", "-S", "-c", ASK, *(f"{name}.service" for name in UNITS), check=True)
    return {name.removesuffix(".service"): (told, last) for name, (told, last) in json.loads(ran.stdout).items()}


def test_a_daemon_s_last_words_are_the_same_with_and_without_systemd_python(boot: Boot) -> None:
    host = boot("trixie", agent=True)
    for name, text in UNITS.items():
        host.sh(f"systemd-run --quiet --wait --unit={name} sh -c \"printf '{text}'; exit 1\"")
    host.sh("journalctl --sync", check=True)

    read = words(host)
    assert read["plain"][0] == ["a first line", "failed to start daemon: no", "the end"]
    assert {name: last for name, (_, last) in read.items() if name != "silent"} == {
        "plain": "failed to start daemon: no",
        "unnamed": "unknown flag: --nothing",
        "foreign": "failed to start daemon: caf\udce9",
    }
    assert "silent.service" in read["silent"][1]  # what systemd says of it

    host.sh(f"mv {LIBRARY} {LIBRARY}.away", check=True)
    asked = words(host)
    assert {told for told, _ in asked.values()} == {None}
    assert {name: last for name, (_, last) in asked.items()} == {name: last for name, (_, last) in read.items()}

    host.sh("mv /usr/bin/journalctl /usr/bin/journalctl.away", check=True)
    assert set(words(host).values()) == {(None, "its journal says nothing")}

    host.sh(f"mv {LIBRARY}.away {LIBRARY}", check=True)
    assert {n: last for n, (_, last) in words(host).items()} == {
        **{n: last for n, (_, last) in read.items()},
        "silent": "its journal says nothing",
    }
