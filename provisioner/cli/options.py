"""A command's formats and arguments, as argparse takes them."""

from types import SimpleNamespace

from provisioner.typed import Any, NamedTuple


class Arguments(SimpleNamespace):
    """The arguments of one run, each by its name."""


class Argument(NamedTuple):
    """One argument of a command."""

    name: str
    settings: dict[str, Any]


def _argument(name: str, text: str, **settings: Any) -> Argument:
    return Argument(name, {"help": text, **settings})


def _flag(name: str, text: str) -> Argument:
    return _argument(name, text, action="store_true")


def duration(text: str) -> int:
    """The seconds of a length of time, as argparse takes a type."""
    from provisioner.text import durations  # a check has no such argument

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

TALKING = ("detect", "plan", "apply", "check", "prove")
ENGINE = (
    _argument("--context", "the engine of a docker context", metavar="NAME"),
    _argument("--host", "the engine at an address", metavar="ADDRESS"),
)
_ONLY = _argument("--only", "leave the rest alone; may be given repeatedly", action="append", choices=RESOURCES)
_QUICK = _flag("--quick", "judge emulators by reading, run no program")

_ROOT = _argument("--root", "an image that does not run: its files alone, nothing is started", metavar="DIR")

_SILENT = {"default": 2 * 86400, "type": duration, "metavar": "TIME"}

ARGUMENTS = {
    "apply": (
        _argument("--restart", "for this run: at any hour, whatever the configuration says", choices=POLICIES),
        _argument("--confirm", "take it back then unless `confirm` comes", type=duration, metavar="10m"),
        _ONLY,
        _ROOT,
        _flag("--repair", "mend only what the configuration's repair lists"),
    ),
    "check": (
        _ONLY,
        _QUICK,
        _flag("--far", "ask the engines of other nodes and the cluster, too"),
        _flag("--quiet", "say nothing: the exit status is the answer"),
        _flag("--exit-zero", "drift is no failure"),
        _flag("--record", "keep the result, and journal what is new in it"),
        _argument("--textfile-dir", "write provisioner.prom there, for node_exporter", metavar="DIR"),
    ),
    "hold": (
        _argument("--reason", "for whoever meets the hold", required=True),
        _argument("--until", "8h, 2d, 2026-12-01 or 2026-12-01T08:00Z", required=True, metavar="TIME"),
    ),
    "plan": (_ONLY, _QUICK, _ROOT),
    "prove": (
        _argument("--platforms", "all, or names with commas; default: the configuration's", metavar="LIST"),
        _argument("--registry", "push there, read back, pull and run, remove", metavar="HOST"),
    ),
    "recover": (_flag("--files", "only files: for a boot, before the engine runs"),),
    "remove": (_flag("--plan", "show what would be removed; change nothing"),),
    "report": (
        _argument("sources", "results; - is NDJSON on stdin", nargs="+", metavar="FILE|DIR|-"),
        _argument(
            "--silent-after",
            "a host whose last result is older is silent",
            default=2 * 86400,
            type=duration,
            metavar="TIME",
        ),
        _argument("--expect", "every host's name, a line each: who has no result at all?", metavar="FILE"),
    ),
    "rollback": (
        _argument("receipt", "go back to before receipt N", nargs="?", type=int, metavar="N"),
        _flag("--overdue", "end the apply of that receipt first where it still runs: what --confirm arms"),
    ),
    "setup": (_flag("--remove", "remove what setup installed"),),
}


def of(command: str) -> tuple[Argument, ...]:
    """Every argument of a command."""
    return (
        _argument("--config", "default: /etc/provisioner/provisioner.yaml", metavar="FILE"),
        _argument("--format", "what stdout has", choices=FORMATS.get(command, USUAL), default="text"),
        _flag("--verbose", "show the traceback of a bug"),
        *(ENGINE if command in TALKING else ()),
        *ARGUMENTS.get(command, ()),
    )
