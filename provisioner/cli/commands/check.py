"""``provisioner check``: compare, and nothing else; ``--record`` and ``--textfile-dir`` keep what came of it.

The engine and the emulators are asked first and listened to last: they work while we import what compares. So only
what it takes to ask is imported before.
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
    """Compare. A check that cannot look has a result, too, which is kept like any other."""
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
    """The socket of this host that docker would use, before the configuration is read; empty: none.

    The configuration may name another engine: what is wrong with this one is not said yet, nor a machine waited for.
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
    """Ask for what takes longest: the emulators run for 8 ms, and the engine looks at an image for 10."""
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
    """The exit status of a check; the monitoring plug-ins have a convention of their own."""
    if args.format == "nagios":
        from provisioner.checks import nagios

        return nagios.status(found)
    status = Exit(found["exit_status"])
    return Exit.OK if args.exit_zero and status is Exit.DRIFT else status
