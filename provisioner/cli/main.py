"""The program: run one command, print its answer, report its failure, and exit.

Answers go to stdout and messages to stderr. Only the module of the requested command is imported.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper

from provisioner import secrets
from provisioner.cli import commandline
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import FOLLOWERS, LIVE, complain, record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.typed import NoReturn

# The journal event of each failure. A failure that changed nothing gets no entry.
FAILURES: Mapping[int, str] = {Exit.ROLLED_BACK: "rolled back", Exit.ROLLBACK_FAILED: "rollback failed"}

# Commands whose answers are safe already, with colors of their own.
COLORED = ("check", "plan")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args, system = None, System()
    argv = sys.argv[1:] if argv is None else argv
    if "NOTIFY_SOCKET" in system.environ:  # a systemd unit runs us
        from provisioner.cli import journald

        FOLLOWERS[:] = [journald.status]
    try:
        args = commandline.parse(argv)
        _begin_live(system, args.command)
        answer: Answer = import_module(f"provisioner.cli.commands.{args.command}").run(system, args)
        _end_live()
        text = _readable(args, answer.text) if args.format == "text" else answer.text
        return _told(text, answer.status)
    except (Exception, KeyboardInterrupt) as e:
        _end_live()
        return _failed(system, args or _unread(argv), e, verbose="--verbose" in argv)


def _begin_live(system: System, command: str) -> None:
    """Show on a terminal what a command that takes long does now."""
    if command == "check" or not (sys.stderr and sys.stderr.isatty()):
        return
    from provisioner.cli import live

    if shown := live.begin(command, system.environ):
        LIVE[:] = [shown]
        system.listener = shown.heard


def _end_live() -> None:
    for shown in LIVE:
        shown.close()
    LIVE.clear()


def entry() -> NoReturn:
    """Run the program. It skips garbage collection and the interpreter's shutdown, which saves a sixth of a check."""
    gc.disable()
    _open_streams()
    status = main()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _open_streams() -> None:
    """Replace closed standard streams, so that a file that we open later does not get their number."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))
    if isinstance(sys.stdout, TextIOWrapper):  # a locale without UTF-8 must not turn a success into a failure
        sys.stdout.reconfigure(errors="backslashreplace")


def _readable(args: Arguments, text: str) -> str:
    """Return an answer for people: secrets masked, and without control characters for the terminal."""
    if args.command in COLORED:
        return text
    from provisioner.text.terminal import printable

    return "\n".join(map(printable, secrets.text(text).split("\n")))


def _told(text: str, status: int) -> int:
    """Print the answer and return the exit status.

    The status describes what the command did, so a reader that stops reading does not change it. If the answer cannot
    be written, for example to a full disk, a success becomes a failure.
    """
    try:
        if text:
            print(_encodable(text), flush=True)
    except BrokenPipeError:  # the reader closed the pipe
        sys.stdout = None
    except OSError as e:
        say(f"provisioner: it was done (status {status}), but the answer could not be written: {e.strerror}")
        return status or Exit.FAILED
    return status


def _encodable(text: str) -> str:
    """Escape the characters that stdout's encoding cannot represent, in a locale without UTF-8."""
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    with contextlib.suppress(UnicodeEncodeError):
        text.encode(encoding)
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _unread(argv: Sequence[str]) -> Arguments:
    """Guess from an invalid command line which command was meant and whether JSON was requested."""
    text = " ".join(argv)
    machine = "--format json" in text or "--format=json" in text
    command = argv[0] if argv and argv[0] in commandline.COMMANDS else ""
    return Arguments(command=command, format="json" if machine else "text")


def _failed(system: System, args: Arguments, error: BaseException, *, verbose: bool) -> int:
    """Print what went wrong and what to do next. With ``--format json``, also print a document on stdout."""
    from provisioner.checks import failure
    from provisioner.cli import answers

    found = failure.of(error, system)
    if event := FAILURES.get(found.exit_status):
        record(event, found.message)
    if verbose and found.exit_status == Exit.BUG:
        complain(error)
    say(f"provisioner: {found.message}")
    if found.hint:
        say(f"  hint: {found.hint}")
    if args.format != "json":
        return found.exit_status
    return _told(answers.failed(system, args.command, found), found.exit_status)
