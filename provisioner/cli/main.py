"""The program: one command run, its answer printed, its failure told; the only exit.

stdout is the answer, stderr the conversation. Of the commands only the one that is asked for is imported.
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
from provisioner.cli.commands import Answer, colored
from provisioner.cli.conversation import FOLLOWERS, complain, record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.typed import NoReturn

# What a failure is in systemd's journal; what changed nothing is not worth an entry.
FAILURES: Mapping[int, str] = {Exit.ROLLED_BACK: "rolled back", Exit.ROLLBACK_FAILED: "rollback failed"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    args, system = None, System()
    argv = sys.argv[1:] if argv is None else argv
    if "NOTIFY_SOCKET" in system.environ:  # a unit's run
        from provisioner.cli import journald

        FOLLOWERS[:] = [journald.status]
    try:
        args = commandline.parse(argv)
        answer: Answer = import_module(f"provisioner.cli.commands.{args.command}").run(system, args)
        text = _readable(system, args, answer.text) if args.format == "text" else answer.text
        return _told(text, answer.status)
    except (Exception, KeyboardInterrupt) as e:
        return _failed(system, args or _unread(argv), e, verbose="--verbose" in argv)


def entry() -> NoReturn:
    """The program. It ends without the interpreter's tear-down and collects no garbage: a sixth of a check."""
    gc.disable()
    _open_streams()
    status = main()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _open_streams() -> None:
    """Who closes a standard stream does not listen; its number must not become that of a file of ours."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))
    if isinstance(sys.stdout, TextIOWrapper):  # a locale without a letter must not make a failure of what was done
        sys.stdout.reconfigure(errors="backslashreplace")


def _readable(system: System, args: Arguments, text: str) -> str:
    """An answer for a person, without secrets and without what would drive a terminal or break an encoder."""
    text = secrets.text(text)
    if args.command == "check":  # it is without, and has colors of its own
        return text
    from provisioner.text.terminal import printable

    text = "\n".join(map(printable, text.split("\n")))
    if args.command != "plan" or not colored(system, args):
        return text
    from provisioner.cli import plans

    return plans.painted(text)


def _told(text: str, status: int) -> int:
    """Print the answer; the status, which what becomes of the answer does not change: what was done is done.

    Only an answer that was to be kept and is not, on a full disk, is no success.
    """
    try:
        if text:
            print(_encodable(text), flush=True)
    except BrokenPipeError:  # its reader has heard enough
        sys.stdout = None
    except OSError as e:
        say(f"provisioner: it was done (status {status}), but the answer could not be written: {e.strerror}")
        return status or Exit.FAILED
    return status


def _encodable(text: str) -> str:
    """The text in the characters that stdout can take: in a locale without UTF-8 the others are escaped."""
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _unread(argv: Sequence[str]) -> Arguments:
    """What can be told of a command line that is wrong: the command, and whether a program reads the answer."""
    text = " ".join(argv)
    machine = "--format json" in text or "--format=json" in text
    command = argv[0] if argv and argv[0] in commandline.COMMANDS else ""
    return Arguments(command=command, format="json" if machine else "text")


def _failed(system: System, args: Arguments, error: BaseException, *, verbose: bool) -> int:
    """Say what went wrong and what to do next; with a format for machines, on stdout as one document, too."""
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
