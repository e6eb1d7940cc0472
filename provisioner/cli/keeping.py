"""Save what ``check --record`` and ``--textfile-dir`` ask for: the record, the metrics, and journal entries."""

from typing import Any

from provisioner.checks import formats, record
from provisioner.cli import journald
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.host import System


def keep(host: System, args: Arguments, found: dict[str, Any]) -> None:
    """Save the record and the metrics, and write what changed since the last record to the journal."""
    if args.textfile_dir:
        host.write(
            f"{args.textfile_dir}/{formats.PROMETHEUS}", formats.FORMATS["prometheus"](found, False) + "\n", 0o644
        )
    if args.record:
        before = record.read(host)
        record.keep(host, found)
        for event, keys in record.news(before, found):
            journald.record(event, "; ".join(keys), say, keys=", ".join(keys))
