"""The table of commands; the only place that prints, and the only exit.

stdout is the answer, stderr the conversation. Each command imports what it needs, so that a check starts quickly.
"""

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from provisioner import __version__
from provisioner.errors import Exit, ProvisionerError, UsageError
from provisioner.model import Reader
from provisioner.system import System

if TYPE_CHECKING:
    from provisioner.desired import Desired
    from provisioner.facts import Facts


class Answer(NamedTuple):
    """What a command says on stdout, and its exit status."""

    text: str
    status: Exit


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
    """Compare, and nothing else."""
    from provisioner import engine

    if socket := engine.endpoint(host).socket:
        host.expect(socket, "/info")
    from provisioner import desired, facts, journal, plan, report

    wanted = desired.load(host, args.config)._replace(only=_only(args))
    seen = facts.gather(host, wanted, quick=args.quick)
    _tell(wanted, seen)
    found = plan.compare(host, seen, wanted)
    cut = journal.interrupted(host)
    status = Exit.DRIFT if found or cut else Exit.OK
    if args.format == "json":
        differences = [{"resource": r, **d._asdict()} for r, d in found.differences]
        return Answer(report.document("check", status, differences=differences, interrupted=cut), status)
    note = f"an apply was cut off (receipt {cut}): `provisioner apply` or `rollback` undoes it\n" if cut else ""
    return Answer(note + report.check(found), status)


def plan(host: Reader, args: argparse.Namespace) -> Answer:
    """Say what apply would do."""
    from provisioner import desired, facts, report
    from provisioner import plan as planning

    wanted = desired.load(host, args.config)._replace(only=_only(args))
    seen = facts.gather(host, wanted, quick=args.quick)
    _tell(wanted, seen)
    made = planning.make(host, seen, wanted)
    status = Exit.DRIFT if made else Exit.OK
    if args.format == "json":
        return Answer(report.document("plan", status, changes=report.plan_json(made)), status)
    return Answer(report.plan(made), status)


def apply(system: System, args: argparse.Namespace) -> Answer:
    """Do it, verify, prove; roll back what failed."""
    from provisioner import apply as applying
    from provisioner import report

    done = applying.apply(system, args.config, _say, restart=args.restart, only=_only(args))
    if done.receipt is not None:
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
    from provisioner import apply as applying
    from provisioner import desired, facts, journal, proof, report

    applying.must_be_root(system)
    wanted = desired.load(system, args.config)
    if args.platforms:
        wanted = wanted._replace(platforms=desired.platform_list(args.platforms))
    with system.lock(journal.LOCK):
        seen = facts.gather(system, wanted)
        _tell(wanted, seen)
        proven = proof.prove(system, seen, wanted, _say)
    status = Exit.OK if proven.complete else Exit.FAILED
    if args.format == "json":
        rows = [r._asdict() for r in proven.rows]
        return Answer(report.document("prove", status, index=proven.digest, platforms=rows), status)
    return Answer(report.proof(proven.rows, proven.digest), status)


def rollback(system: System, args: argparse.Namespace) -> Answer:
    """Undo."""
    from provisioner import apply as applying
    from provisioner import report

    undone = applying.rollback(system, args.receipt, _say)
    if undone:
        _record("rolled back", f"undone: receipt {', '.join(map(str, undone))}")
    if args.format == "json":
        return Answer(report.document("rollback", Exit.OK, undone=undone), Exit.OK)
    if not undone:
        return Answer("nothing to undo", Exit.OK)
    return Answer(f"undone: receipt {', '.join(map(str, undone))}; the host is as it was before", Exit.OK)


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
    "init": Command("print a commented configuration to start from", init),
    "schema": Command("print the JSON Schema of the configuration", schema),
}


# What a failure is in systemd's journal; what changed nothing is not worth an entry.
FAILURES = {Exit.ROLLED_BACK: "rolled back", Exit.ROLLBACK_FAILED: "rollback failed"}


class _Parser(argparse.ArgumentParser):
    """argparse exits with 2 for bad usage, which is drift to us."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line. To build the parsers of eight commands takes a tenth of a check, so one will do."""
    if argv and argv[0] in COMMANDS:
        one = _Parser(prog=f"provisioner {argv[0]}", description=COMMANDS[argv[0]].summary)
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
    sub.add_argument("--format", choices=("text", "json"), default="text")
    sub.add_argument("--verbose", action="store_true", help="show the traceback of a bug")
    if name == "apply":
        choices = ("never", "if-idle", "always")
        sub.add_argument(
            "--restart", choices=choices, help="for this run: at any hour, whatever the configuration says"
        )
    if name in ("check", "plan", "apply"):
        resources = ("daemon", "image-store", "emulators", "builder")
        sub.add_argument(
            "--only", action="append", choices=resources, help="leave the rest alone; may be given repeatedly"
        )
    if name in ("check", "plan"):
        sub.add_argument("--quick", action="store_true", help="judge emulators by reading, run no program")
    if name == "prove":
        sub.add_argument("--platforms", metavar="LIST", help="all, or names with commas; default: the configuration's")
    if name == "rollback":
        sub.add_argument("receipt", nargs="?", type=int, metavar="N", help="go back to before receipt N")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    verbose = "--verbose" in (sys.argv if argv is None else argv)
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        answer = COMMANDS[args.command].run(System(), args)
        print(answer.text, flush=True)
        return answer.status
    except ProvisionerError as e:
        if e.status in FAILURES:
            _record(FAILURES[e.status], e.message)
        print(f"provisioner: {e.message}", *((f"  hint: {e.hint}",) if e.hint else ()), sep="\n", file=sys.stderr)
        return e.status
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


def _record(event: str, message: str, **fields: str) -> None:
    from provisioner import log

    log.record(event, message, _say, **fields)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
