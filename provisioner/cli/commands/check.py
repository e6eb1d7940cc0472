"""``provisioner check``: compare the host with the configuration and change nothing.

``--record`` and ``--textfile-dir`` save the result. To save time, the requests to the engine and the emulators start
first, and their answers are read last. The modules that compare are imported in between.
"""

from provisioner.cli.commands import Answer, colored, configuration, named, wanted
from provisioner.cli.conversation import tell
from provisioner.cli.options import Arguments
from provisioner.engine import addresses, contexts
from provisioner.errors import Exit, ProvisionerError
from provisioner.host import System
from provisioner.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisioner.config.desired import Desired


def run(host: System, args: Arguments) -> Answer:
    """Compare. A check that cannot run also has a result, which is saved like any other."""
    started = host.clock()
    try:
        return _looked(host, args, started)
    except Exception as e:
        from provisioner.cli.commands import check_failed

        return check_failed.run(host, args, e, started)


def _looked(host: System, args: Arguments, started: float) -> Answer:
    if socket := _here(host, args):
        host.expect(socket, "/info")
    asked = wanted(host, args)
    _begin(host, asked, socket, quick=args.quick)
    from provisioner.checks import result
    from provisioner.engine import endpoints, facts, target

    if asked.engine == endpoints.ALL:
        from provisioner.cli.commands import each

        return each.run(run, host, args)
    from provisioner.checks import formats

    seen = facts.gather(host, asked, quick=args.quick, far=args.far)
    if not args.quiet:
        tell(host, asked, seen)
    host, asked = target.with_engine(host, asked, seen)
    found = result.found(host, seen, asked, started, recording=args.record)
    kept = args.record or args.textfile_dir
    if kept or args.format not in formats.SHORT:
        found = result.identified(found, host, seen, asked, configuration(host, args))
    if kept:
        from provisioner.cli import keeping

        keeping.keep(host, args, found)
    text = "" if args.quiet else formats.FORMATS[args.format](found, args.format == "text" and colored(host, args))
    return Answer(text, _status(args, found))


def _here(host: System, args: Arguments) -> str:
    """Return the local socket that docker would use by default, or an empty text. The configuration is not read yet.

    The configuration may name another engine. Errors of this one are therefore ignored, and no remote machine is
    contacted.
    """
    try:
        if not named(args) and contexts.unnamed(host):
            return addresses.DEFAULT.removeprefix("unix://")
        from provisioner.engine import endpoints

        socket = endpoints.endpoint(host, named(args) or endpoints.AUTO).socket or ""
    except ProvisionerError:
        return ""
    return "" if "://" in socket else socket


def _begin(host: System, asked: "Desired", socket: str, *, quick: bool) -> None:
    """Start the slowest requests: running the emulators takes 8 ms, and inspecting an image takes the engine 10 ms."""
    if not quick and "emulators" in (asked.only or ("emulators",)):
        from provisioner.platforms import machine

        host.begin(machine.probes(host, asked.platforms), bare=host.uid == 0)
    if socket and "builder" in (asked.only or ("builder",)):
        from provisioner.config import drivers

        image = drivers.image(asked.builder.driver_options)
        if asked.builder.driver == drivers.CONTAINER and "@" not in image:
            host.expect(socket, drivers.inspect_image(image))
            host.expect(socket, drivers.inspect_container(drivers.container(drivers.first(asked.builder.name))))


def _status(args: Arguments, found: dict[str, Any]) -> int:
    """Return the exit status of a check. The format nagios has its own statuses."""
    if args.format == "nagios":
        from provisioner.checks import nagios

        return nagios.status(found)
    status: int = found["exit_status"]
    return Exit.OK if args.exit_zero and status == Exit.DRIFT else status
