"""One module for each command, imported on demand. ``run`` executes the command and returns its answer."""

from provisioner.cli.options import Arguments
from provisioner.errors import UsageError
from provisioner.model import Reader
from provisioner.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from provisioner.config.desired import Desired
    from provisioner.config.load import Configuration


class Answer(NamedTuple):
    """The text that a command prints on stdout, its exit status, and whether it has changed anything."""

    text: str
    status: int
    changed: bool = False


def only(args: Arguments) -> tuple[str, ...]:
    """Return the names of the resources that the command line selects."""
    return tuple(name.replace("-", " ") for name in args.only or ())


def named(args: Arguments) -> str:
    """Return the engine that the command line names, or an empty text."""
    if args.host and args.context:
        raise UsageError("--host and --context name two engines", hint="docker takes only one of them, too")
    if args.host:
        from provisioner.engine import addresses

        return addresses.address(str(args.host))
    return str(args.context or "")


def colored(host: Reader, args: Arguments) -> bool:
    """Decide whether the answer has colors, from the option, NO_COLOR, FORCE_COLOR and the terminal, in this order."""
    if args.color != "auto":
        return bool(args.color == "always")
    if host.environ.get("NO_COLOR"):
        return False
    if host.environ.get("FORCE_COLOR", "0") != "0":
        return True
    import sys

    return sys.stdout.isatty() and host.environ.get("TERM") != "dumb"


def configuration(host: Reader, args: Arguments) -> "Configuration":
    """Load the configuration. It is read once per run and stored with the arguments."""
    if "configuration" not in vars(args):
        from provisioner.config import load

        args.configuration = load.load(host, args.config)
    found: Configuration = args.configuration
    return found


def wanted(host: Reader, args: Arguments) -> "Desired":
    """Return the desired state from the configuration, with the command line's overrides."""
    found = configuration(host, args).desired
    if suffix := getattr(args, "suffix", ""):
        found = found._replace(builder=found.builder._replace(name=f"{found.builder.name}{suffix}"))
    chosen = only(args) if "only" in vars(args) else found.only
    caches = bool(vars(args).get("delete_caches"))
    return found._replace(only=chosen, engine=named(args) or found.engine, delete_caches=caches)
