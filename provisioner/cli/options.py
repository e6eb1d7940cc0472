"""The formats and arguments of each command, in argparse's terms."""

from types import SimpleNamespace

from provisioner.typed import Any, NamedTuple


class Arguments(SimpleNamespace):
    """The arguments of one run, by name."""


class Argument(NamedTuple):
    """One argument of a command."""

    name: str
    settings: dict[str, Any]


def _argument(name: str, text: str, **settings: Any) -> Argument:
    return Argument(name, {"help": text, **settings})


def _flag(name: str, text: str) -> Argument:
    return _argument(name, text, action="store_true")


def duration(text: str) -> int:
    """Convert a duration to seconds. Serves as an argparse type."""
    from provisioner.text import durations  # no argument of a check needs it

    if (found := durations.seconds(text)) is None:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is not a length of time, {durations.EXAMPLES}")
    return found


POLICIES = ("never", "if-idle", "always")
RESOURCES = ("daemon", "image-store", "emulators", "builder")
USUAL = ("text", "json")
FORMATS = {
    "check": (*USUAL, "prometheus", "junit", "nagios"),
    "report": (*USUAL, "html"),
    "init": ("text",),
    "schema": ("text",),
}


TALKING = ("detect", "plan", "apply", "check", "prove", "explain")
ENGINE = (
    _argument("--context", "use the engine of this docker context", metavar="NAME"),
    _argument("--host", "use the engine at this address, for example ssh://root@build-1", metavar="ADDRESS"),
)
_ONLY = _argument(
    "--only", "look at this resource alone; may be given several times", action="append", choices=RESOURCES
)
_QUICK = _flag("--quick", "judge emulators by reading alone; run no program")

_CACHES = _flag("--delete-caches", "also delete the caches of builders that are gone")
_COLOR = _argument("--color", "when to use colors", choices=("auto", "always", "never"), default="auto")
_ROOT = _argument("--root", "work on the files of an image that does not run; start nothing", metavar="DIR")

_SILENT = {"default": 2 * 86400, "type": duration, "metavar": "TIME"}

FAIL_ON = ("drift", "blocked", "failed", "missing", "silent", "unknown")
FAIL_ON_HELP = "exit with 2 if a host is in this state; may be given several times"

ARGUMENTS = {
    "apply": (
        _argument(
            "--restart",
            "when Docker may be restarted in this run, at any hour, even if the configuration forbids it",
            choices=POLICIES,
        ),
        _argument(
            "--confirm", "roll back after this time unless you run `provisioner confirm`", type=duration, metavar="TIME"
        ),
        _ONLY,
        _ROOT,
        _CACHES,
        _flag("--repair", "correct only what `repair` in the configuration lists"),
    ),
    "check": (
        _ONLY,
        _QUICK,
        _flag("--far", "ask the engines of other nodes and the cluster, too"),
        _flag("--quiet", "print nothing: the exit status is the answer"),
        _COLOR,
        _flag("--exit-zero", "exit with 0 even if something differs"),
        _flag("--record", "keep the result, and write what is new in it to the journal"),
        _argument("--textfile-dir", "write provisioner.prom to this directory, for node_exporter", metavar="DIR"),
    ),
    "hold": (
        _argument("--reason", "why, for everybody who meets the hold", required=True),
        _argument("--until", "8h, 2d, 2026-12-01 or 2026-12-01T08:00Z", required=True, metavar="TIME"),
    ),
    "plan": (_ONLY, _QUICK, _ROOT, _CACHES, _COLOR),
    "prove": (
        _argument(
            "--platforms",
            "all, or names with commas between them (default: those of the configuration)",
            metavar="LIST",
        ),
        _argument("--registry", "push the image there, read it back, pull and run it, and delete it", metavar="HOST"),
        _argument("--pull", "have the builder pull this image first, as a real build does", metavar="IMAGE"),
        _flag("--time", "measure how much slower emulated platforms are on this host, instead of building"),
        _argument("--cache", "build from the cache there, and store what is missing", metavar="HOST/NAME[:TAG]"),
    ),
    "explain": (
        _argument("message", "an error message; a file with one; - or nothing reads standard input", nargs="*"),
        _flag("--offline", "only recognize the error; do not look at this host"),
    ),
    "history": (_argument("entry", "one entry, with what undoes it", nargs="?", type=int, metavar="N"),),
    "schema": (_argument("name", "configuration, or a command", nargs="?", default="configuration", metavar="NAME"),),
    "validate": (
        _argument("file", "the configuration; - is standard input (default: the host's)", nargs="?", metavar="FILE|-"),
    ),
    "recover": (_flag("--files", "put back files only: for a boot, before Docker runs"),),
    "remove": (_flag("--plan", "show what would be removed; change nothing"),),
    "report": (
        _argument("sources", "results; - reads NDJSON from standard input", nargs="+", metavar="FILE|DIR|-"),
        _argument(
            "--silent-after",
            "call a host silent if its last result is older (default: 2d)",
            default=2 * 86400,
            type=duration,
            metavar="TIME",
        ),
        _argument("--fail-on", FAIL_ON_HELP, action="append", choices=FAIL_ON),
        _argument(
            "--expect", "a file with the name of every host, one a line, to find those without a result", metavar="FILE"
        ),
    ),
    "rollback": (
        _flag("--plan", "show what would be undone; change nothing"),
        _flag("--accept", "keep what entry N has made or left; no rollback tries it again"),
        _argument("receipt", "go back to before entry N of the history", nargs="?", type=int, metavar="N"),
        _flag("--overdue", "end the apply of that entry first if it still runs; --confirm uses this"),
    ),
    "setup": (_flag("--remove", "remove what setup installed"),),
}


def of(command: str) -> tuple[Argument, ...]:
    """Return all arguments of a command."""
    return (
        _argument(
            "--config",
            "the configuration; - is standard input (default: /etc/provisioner/provisioner.yaml)",
            metavar="FILE",
        ),
        _argument(
            "--format",
            "the form of the answer on standard output (default: text)",
            choices=FORMATS.get(command, USUAL),
            default="text",
        ),
        _flag("--verbose", "show the traceback if this is a bug in provisioner"),
        *(ENGINE if command in TALKING else ()),
        *ARGUMENTS.get(command, ()),
    )
