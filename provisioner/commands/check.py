"""``provisioner check``: compare, and nothing else; ``--record`` and ``--textfile-dir`` keep what came of it.

The engine and the emulators are asked first and listened to last: they work while we import.
"""

import sys
from typing import Any

from provisioner.commands import Answer, named, wanted
from provisioner.conversation import say, tell
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.system import System


def run(host: System, args: Arguments) -> Answer:
    """Compare."""
    started = host.clock()
    from provisioner import engine

    if socket := engine.endpoint(host, named(args) or engine.AUTO).socket:
        host.expect(socket, "/info")
    from provisioner import emulated, facts
    from provisioner.resources.builder import image

    asked = wanted(host, args)
    if asked.engine == engine.ALL:
        from provisioner.commands import each

        return each.run(run, host, args)
    if socket and (path := image(asked)):
        host.expect(socket, path)
    if not args.quick and "emulators" in (asked.only or ("emulators",)):
        host.begin(emulated.probes(host, asked), bare=host.uid == 0)
    from provisioner import result
    from provisioner.report import formats

    seen = facts.gather(host, asked, quick=args.quick, far=False)
    if not args.quiet:
        tell(host, asked, seen)
    host, asked = facts.bound(host, asked, seen)
    found = result.found(host, seen, asked, started, recording=args.record)
    kept = args.record or args.textfile_dir
    if kept or args.format not in formats.SHORT:
        found = result.identified(found, host, seen, args.config)
    if kept:
        _keep(host, args, found)
    colour = args.format == "text" and sys.stdout.isatty() and not host.environ.get("NO_COLOR")
    text = "" if args.quiet else formats.FORMATS[args.format](found, colour)
    return Answer(text, _status(args, found))


def _keep(host: System, args: Arguments, found: dict[str, Any]) -> None:
    """The record, the metrics, and what is new since the last record."""
    from provisioner import log, record
    from provisioner.report import formats

    if args.textfile_dir:
        host.write(
            f"{args.textfile_dir}/{formats.PROMETHEUS}", formats.FORMATS["prometheus"](found, False) + "\n", 0o644
        )
    if args.record:
        for event, keys in record.news(record.read(host), found):
            log.record(event, "; ".join(keys), say, keys=", ".join(keys))
        record.keep(host, found)


def _status(args: Arguments, found: dict[str, Any]) -> int:
    """The exit status of a check; the monitoring plug-ins have a convention of their own."""
    if args.format == "nagios":
        from provisioner.report import nagios

        return nagios.status(found)
    status = Exit(found["status"])
    return Exit.OK if args.exit_zero and status is Exit.DRIFT else status
