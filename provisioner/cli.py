"""The table of commands; the only place that prints, and the only exit.

stdout is the answer, stderr the conversation. Each command imports what it needs, so that a check starts quickly.
"""

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from provisioner import __version__, mask, options
from provisioner.errors import Exit, ProvisionerError, UsageError
from provisioner.model import Reader
from provisioner.system import System

if TYPE_CHECKING:
    from provisioner.desired import Desired
    from provisioner.facts import Facts


class Answer(NamedTuple):
    """What a command says on stdout, and its exit status."""

    text: str
    status: int


class Command(NamedTuple):
    """A row of the table: what it does in a line, and the function that does it."""

    summary: str
    run: Callable[[System, argparse.Namespace], Answer]


def detect(host: Reader, args: argparse.Namespace) -> Answer:
    """Say what this host is."""
    from provisioner import detect as detection
    from provisioner import report

    found = detection.detect(host)
    text = report.document("detect", Exit.OK, host=found) if args.format == "json" else report.detected(found)
    return Answer(text, Exit.OK)


def check(host: System, args: argparse.Namespace) -> Answer:
    """Compare, and nothing else; ``--record`` and ``--textfile-dir`` keep what came of it."""
    started = host.clock()
    from provisioner import engine

    if socket := engine.endpoint(host).socket:
        host.expect(socket, "/info")
    from provisioner import desired, emulated, facts

    wanted = desired.load(host, args.config)._replace(only=_only(args))
    if not args.quick and "emulators" in (wanted.only or ("emulators",)):
        host.begin(emulated.probes(host, wanted), bare=host.uid == 0)
    from provisioner import result
    from provisioner.report import formats

    seen = facts.gather(host, wanted, quick=args.quick)
    if not args.quiet:
        _tell(wanted, seen)
    found = result.found(host, seen, wanted, started, recording=args.record)
    kept = args.record or args.textfile_dir
    if kept or args.format not in formats.SHORT:
        found = result.identified(found, host, seen, args.config)
    if kept:
        _keep(host, args, found)
    colour = args.format == "text" and sys.stdout.isatty() and not host.environ.get("NO_COLOR")
    text = "" if args.quiet else formats.FORMATS[args.format](found, colour)
    return Answer(text, _status(args, found))


def _keep(host: System, args: argparse.Namespace, found: dict[str, Any]) -> None:
    """The record, the metrics, and what is new since the last record."""
    from provisioner import log, result
    from provisioner.report import formats

    if args.textfile_dir:
        host.write(
            f"{args.textfile_dir}/{formats.PROMETHEUS}", formats.FORMATS["prometheus"](found, False) + "\n", 0o644
        )
    if args.record:
        for event, keys in result.news(result.record(host), found):
            log.record(event, "; ".join(keys), _say, keys=", ".join(keys))
        result.keep(host, found)


def _status(args: argparse.Namespace, found: dict[str, Any]) -> int:
    """The exit status of a check; the monitoring plug-ins have a convention of their own."""
    if args.format == "nagios":
        from provisioner.report import nagios

        return nagios.status(found)
    status = Exit(found["status"])
    return Exit.OK if args.exit_zero and status is Exit.DRIFT else status


def plan(host: Reader, args: argparse.Namespace) -> Answer:
    """Say what apply would do."""
    from provisioner import desired, facts, journal, report
    from provisioner import plan as planning

    wanted = desired.load(host, args.config)._replace(only=_only(args))
    seen = facts.gather(host, wanted, quick=args.quick)
    _tell(wanted, seen)
    made = planning.make(host, seen, wanted)
    cut = journal.interrupted(host)
    status = Exit.DRIFT if made or cut else Exit.OK
    if args.format == "json":
        return Answer(report.document("plan", status, changes=report.plan_json(made), interrupted=cut), status)
    return Answer(_note(cut) + report.plan(made), status)


def _note(cut: int | None) -> str:
    return f"an apply was cut off (receipt {cut}): `provisioner apply` or `rollback` undoes it\n" if cut else ""


def apply(system: System, args: argparse.Namespace) -> Answer:
    """Do it, verify, prove; roll back what failed."""
    from provisioner import apply as applying
    from provisioner import report

    if args.root:
        from provisioner import desired, offline

        image = System(args.root)
        wanted = desired.load(System() if args.config else image, args.config)
        done = offline.apply(image, wanted, args.root, _say)
    elif args.repair:
        done = applying.repair(system, args.config, _say)
    else:
        only = _only(args)
        done = applying.apply(system, args.config, _say, restart=args.restart, only=only, confirm=args.confirm)
    if done.receipt is not None and not args.root:
        _record("held" if done.left else "applied", report.outcome(done.left, done.receipt), receipt=str(done.receipt))
    if args.format == "json":
        proof = done.proof and {"index": done.proof.digest, "platforms": [r._asdict() for r in done.proof.rows]}
        changes = report.plan_json(done.plan)
        left = report.plan_json(done.left)
        fields = {"changed": done.receipt is not None, "receipt": done.receipt, "changes": changes, "left": left}
        return Answer(report.document("apply", done.status, **fields, proof=proof), done.status)
    parts = [report.proof(done.proof.rows, done.proof.digest)] if done.proof else []
    return Answer("\n".join([*parts, report.outcome(done.left, done.receipt)]), done.status)


def prove(system: System, args: argparse.Namespace) -> Answer:
    """Build, inspect and run for every platform."""
    from provisioner import desired, facts, journal, proof, report, session, undoing

    session.must_be_root(system)
    wanted = desired.load(system, args.config)
    if args.platforms:
        wanted = wanted._replace(platforms=desired.platform_list(args.platforms))
    with system.lock(journal.LOCK):
        undoing.recover(system, _say)
        seen = facts.gather(system, wanted)
        _tell(wanted, seen)
        if args.registry:
            return _pushed(system, seen, wanted, args)
        proven = proof.prove(system, seen, wanted, _say)
    status = Exit.OK if proven.complete else Exit.FAILED
    if args.format == "json":
        rows = [r._asdict() for r in proven.rows]
        return Answer(report.document("prove", status, index=proven.digest, platforms=rows), status)
    return Answer(report.proof(proven.rows, proven.digest), status)


def _pushed(system: System, seen: "Facts", wanted: "Desired", args: argparse.Namespace) -> Answer:
    """The proof by way of a registry."""
    from provisioner import pushed, report

    proven = pushed.prove(system, seen, wanted, args.registry, _say)
    status = Exit.OK if proven.complete else Exit.FAILED
    if args.format == "json":
        manifests = [m._asdict() for m in proven.manifests]
        rows = [r._asdict() for r in proven.rows]
        there = {"reference": proven.reference, "media_type": proven.media_type, "manifests": manifests}
        fields = {"index": proven.digest, "platforms": rows, "registry": {**there, "left": proven.left or None}}
        return Answer(report.document("prove", status, **fields), status)
    table = report.columns((("PLATFORM", "DIGEST", "MEDIA TYPE"), *proven.manifests))
    parts = [report.proof(proven.rows, proven.digest), f"{proven.reference} ({proven.media_type})", table, proven.left]
    return Answer("\n".join(p for p in parts if p), status)


def rollback(system: System, args: argparse.Namespace) -> Answer:
    """Undo."""
    from provisioner import report, undoing

    undone = undoing.rollback(system, args.receipt, _say)
    if undone:
        _record("rolled back", f"undone: receipt {', '.join(map(str, undone))}")
    if args.format == "json":
        return Answer(report.document("rollback", Exit.OK, undone=undone), Exit.OK)
    if not undone:
        return Answer("nothing to undo", Exit.OK)
    return Answer(f"undone: receipt {', '.join(map(str, undone))}; the host is as it was before", Exit.OK)


def remove(system: System, args: argparse.Namespace) -> Answer:
    """Take away what is ours."""
    from provisioner import apply as applying
    from provisioner import report

    undone, volumes = applying.remove(system, _say)
    if undone or volumes:
        numbers = ", ".join(map(str, undone)) or "none"
        _record("rolled back", f"removed; undone: receipt {numbers}; volumes: {' '.join(volumes) or 'none'}")
    if args.format == "json":
        return Answer(report.document("remove", Exit.OK, undone=undone, volumes=volumes), Exit.OK)
    if not undone and not volumes:
        return Answer("nothing here is ours", Exit.OK)
    return Answer("removed: nothing of ours is left but the receipts in /var/lib/provisioner", Exit.OK)


def hold(system: System, args: argparse.Namespace) -> Answer:
    """Hold applies."""
    from provisioner import hold as holds
    from provisioner import report, session

    session.must_be_root(system)
    on = holds.put(system, args.reason, args.until)
    _record("held", f"applies until {on.until}: {on.reason}", until=on.until)
    if args.format == "json":
        return Answer(report.document("hold", Exit.OK, hold=on._asdict()), Exit.OK)
    return Answer(f"applies are held until {on.until}; `provisioner release` ends that", Exit.OK)


def release(system: System, args: argparse.Namespace) -> Answer:
    """End the hold."""
    from provisioner import hold as holds
    from provisioner import report, session

    session.must_be_root(system)
    ended = holds.release(system)
    if args.format == "json":
        return Answer(report.document("release", Exit.OK, hold=ended and ended._asdict()), Exit.OK)
    return Answer("applies go on" if ended else "applies were not held", Exit.OK)


def fleet(_: System, args: argparse.Namespace) -> Answer:
    """Many hosts' results as one table, one JSON summary or one page."""
    from provisioner import fleet as fleets

    return Answer(fleets.report(args.sources, args.format, args.silent_after, args.expect), Exit.OK)


def recover(system: System, args: argparse.Namespace) -> Answer:
    """Undo what was cut off; at boot, before the engine runs, its files alone."""
    from provisioner import undoing

    number = undoing.recover_files(system, _say) if args.files else undoing.recovered(system, _say)
    text = "nothing was cut off" if number is None else f"undone: receipt {number}"
    if args.format == "json":
        from provisioner import report

        return Answer(report.document("recover", Exit.OK, undone=[number] if number else []), Exit.OK)
    return Answer(text, Exit.OK)


def confirm(system: System, args: argparse.Namespace) -> Answer:
    """Keep what `apply --confirm` made."""
    from provisioner import report, undoing

    number = undoing.confirmed(system, _say)
    if args.format == "json":
        return Answer(report.document("confirm", Exit.OK, confirmed=number), Exit.OK)
    return Answer("nothing waits to be confirmed" if number is None else f"confirmed: receipt {number}", Exit.OK)


def init(_: System, __: argparse.Namespace) -> Answer:
    """Print a commented configuration to start from."""
    from provisioner import example

    return Answer(example.configuration(), Exit.OK)


def schema(_: System, __: argparse.Namespace) -> Answer:
    """Print the JSON Schema of the configuration."""
    from provisioner import schema as schemas

    return Answer(schemas.text().rstrip(), Exit.OK)


COMMANDS = {
    "detect": Command("what this host is", detect),
    "plan": Command("what apply would do, and what is held", plan),
    "apply": Command("do it, verify, prove; roll back what failed", apply),
    "check": Command("drift? changes nothing", check),
    "prove": Command("build, inspect and run an image for every platform", prove),
    "rollback": Command("undo the last apply, or go back to before a receipt", rollback),
    "hold": Command("stop applies on this host until a time, for a reason", hold),
    "remove": Command("take away what we own, and nothing else", remove),
    "release": Command("let applies go on", release),
    "report": Command("many hosts' check results as one table, page or summary", fleet),
    "confirm": Command("keep what `apply --confirm` made", confirm),
    "recover": Command("undo an apply that was cut off", recover),
    "init": Command("print a commented configuration to start from", init),
    "schema": Command("print the JSON Schema of the configuration", schema),
}


# What a failure is in systemd's journal; what changed nothing is not worth an entry.
FAILURES = {Exit.ROLLED_BACK: "rolled back", Exit.ROLLBACK_FAILED: "rollback failed"}


def _help(prog: str) -> argparse.HelpFormatter:
    """argparse asks for the terminal's width for each argument, and to ask imports half of ``shutil``: 3 ms."""
    return argparse.HelpFormatter(prog, width=100)


class _Parser(argparse.ArgumentParser):
    """argparse exits with 2 for bad usage, which is drift to us."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, formatter_class=_help, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line. To build the parsers of eight commands takes a tenth of a check, so one will do."""
    if argv and argv[0] in COMMANDS:
        one = _Parser(f"provisioner {argv[0]}", description=COMMANDS[argv[0]].summary)
        _arguments(one, argv[0])
        return one.parse_args(argv[1:], argparse.Namespace(command=argv[0]))
    return parser().parse_args(argv)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser("provisioner", description="Makes a Docker host ready for multi-platform builds, and proves it.")
    top.add_argument("--version", action="version", version=f"provisioner {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        _arguments(commands.add_parser(name, help=command.summary, description=command.summary), name)
    return top


def _arguments(sub: argparse.ArgumentParser, name: str) -> None:
    sub.add_argument("--config", metavar="FILE", help="default: /etc/provisioner/provisioner.yaml")
    sub.add_argument("--format", choices=options.FORMATS.get(name, options.USUAL), default="text")
    sub.add_argument("--verbose", action="store_true", help="show the traceback of a bug")
    for argument in options.ARGUMENTS.get(name, ()):
        sub.add_argument(argument.name, **argument.settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    verbose = "--verbose" in (sys.argv if argv is None else argv)
    args = None
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        answer = COMMANDS[args.command].run(System(), args)
        if answer.text:
            print(mask.text(answer.text) if args.format == "text" else answer.text, flush=True)
        return answer.status
    except ProvisionerError as e:
        if e.status in FAILURES:
            _record(FAILURES[e.status], mask.text(e.message))
        _say(f"provisioner: {e.message}")
        if e.hint:
            _say(f"  hint: {e.hint}")
        return _unknown(e) if args and args.format == "nagios" else e.status
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; nothing more can be said
        return Exit.FAILED
    except OSError as e:
        print(f"provisioner: {e.filename or 'this host'}: {e.strerror}", file=sys.stderr)
        print("  hint: make room, or put it right, and run the same command again", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        print("provisioner: interrupted", file=sys.stderr)
        return 130
    except Exception as e:
        if verbose:
            raise
        print(f"provisioner: this is a bug of ours: {type(e).__name__}: {e}", file=sys.stderr)
        print("  hint: run it again with --verbose and report what it prints", file=sys.stderr)
        return Exit.BUG


def entry() -> NoReturn:
    """The program. It ends without the interpreter's tear-down and collects no garbage: a sixth of a check."""
    gc.disable()
    status = main()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _only(args: argparse.Namespace) -> tuple[str, ...]:
    """The resources that the command line names, in their own words."""
    return tuple(name.replace("-", " ") for name in args.only or ())


def _tell(wanted: "Desired", seen: "Facts") -> None:
    """Say which of the wanted platforms are never run here."""
    from provisioner import emulated

    for sentence in emulated.told(wanted, seen):
        _say(f"note: {sentence}")


def _unknown(e: ProvisionerError) -> int:
    """A monitoring plug-in that could not look says so on stdout."""
    from provisioner.report import nagios

    print(nagios.line(3, mask.text(e.message)), flush=True)
    return 3


def _record(event: str, message: str, **fields: str) -> None:
    from provisioner import log

    log.record(event, mask.text(message), _say, **fields)


def _say(line: str) -> None:
    """A line of the conversation. One that begins with a carriage return is progress, for a terminal alone."""
    line = mask.text(line)
    if not sys.stderr.isatty():
        if not line.startswith("\r"):
            print(line, file=sys.stderr, flush=True)
    elif line.startswith("\r"):
        print(f"{line}\033[K", end="", file=sys.stderr, flush=True)
    else:
        print(f"\r\033[K{line}", file=sys.stderr, flush=True)
