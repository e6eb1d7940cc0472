"""What a host tells machines: the record, the journal, the metrics and Ansible's fact."""

import json
import subprocess
from pathlib import Path

import pytest

from provisioner.cli.journald import EVENTS
from tests.hosts import Host

CHECKOUT = Path(__file__).parents[2]
RECORD = "/var/lib/provisioner-check/check.json"
CONFIG = "/etc/provisioner/provisioner.yaml"
FACT = "/etc/ansible/facts.d/provisioner.fact"
METRICS = "/var/lib/node-exporter"
EXAMPLES = "/usr/local/share/doc/docker-host-provisioner/examples"  # where `make install` puts our drop-ins


def told(host: Host, event: str) -> list[str]:
    """Return the messages of an event in the journal."""
    argv = ("journalctl", "--quiet", "--output=json", f"MESSAGE_ID={EVENTS[event].message_id}")
    return [json.loads(line)["MESSAGE"] for line in host.run(*argv).stdout.splitlines()]


def put_library(host: Host, name: str) -> None:
    """Install a library that is pure Python: a copy of the machine's."""
    folder = Path(str(pytest.importorskip(name).__file__)).parent
    tar = subprocess.run(
        ("/bin/tar", "--exclude=__pycache__", "-C", str(folder.parent), "-c", folder.name),
        capture_output=True,
        check=True,
    ).stdout
    host.run("tar", "-x", "-C", "/usr/lib/python3/dist-packages", input=tar, check=True)


def put_metrics_and_fact(host: Host) -> None:
    """Let the timer's check write metrics, and install Ansible's fact."""
    put_library(host, "prometheus_client")
    host.put(FACT, (CHECKOUT / "ansible" / "roles" / "provisioner" / "files" / "provisioner.fact").read_text(), 0o755)
    host.sh(f"cd {EXAMPLES} && cp --parents provisioner-check.service.d/metrics.conf /etc/systemd/system", check=True)
    host.sh(f"install -d -g docker -m 1775 {METRICS}; journalctl --update-catalog; systemctl daemon-reload", check=True)
