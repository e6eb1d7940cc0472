"""The program: one command run, its answer printed, its failure told; the only exit.

stdout is the answer, stderr the conversation. Of the commands only the one that is asked for is imported.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from provisioner import secrets
from provisioner.cli import commandline
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import record, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit, ProvisionerError
from provisioner.host import System
from provisioner.typed import NoReturn

# What a failure is in systemd's journal; what changed nothing is not worth an entry.
FAILURES = {Exit.ROLLED_BACK: "rolled back", Exit.ROLLBACK_FAILED: "rollback failed"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    verbose = "--verbose" in (sys.argv if argv is None else argv)
    args = None
    try:
        args = commandline.parse(sys.argv[1:] if argv is None else argv)
        answer: Answer = import_module(f"provisioner.cli.commands.{args.command}").run(System(), args)
        return _told(_readable(args.command, answer.text) if args.format == "text" else answer.text, answer.status)
    except ProvisionerError as e:
        if e.status in FAILURES:
            record(FAILURES[e.status], secrets.text(e.message))
        return _failed(args, e.status, e.message, e.hint)
    except OSError as e:
        hint = "make room, or put it right, and run the same command again"
        return _failed(args, Exit.FAILED, f"{e.filename or 'this host'}: {e.strerror}", hint)
    except KeyboardInterrupt:
        say("provisioner: interrupted")
        return 130
    except Exception as e:
        if verbose:
            raise
        hint = "run it again with --verbose and report what it prints"
        return _failed(args, Exit.BUG, f"this is a bug of ours: {type(e).__name__}: {e}", hint)


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


def _readable(command: str, text: str) -> str:
    """An answer for a person, without secrets and without what would drive a terminal or break an encoder."""
    text = secrets.text(text)
    if command == "check":  # it is without, and has colours of its own
        return text
    from provisioner.text.terminal import printable

    return "\n".join(map(printable, text.split("\n")))


def _told(text: str, status: int) -> int:
    """Print the answer; the status, which what becomes of the answer does not change: what was done is done.

    Only an answer that was to be kept and is not, on a full disk, is no success.
    """
    try:
        if text:
            print(text, flush=True)
    except BrokenPipeError:  # its reader has heard enough
        sys.stdout = None
    except OSError as e:
        say(f"provisioner: it was done (status {status}), but the answer could not be written: {e.strerror}")
        return status or Exit.FAILED
    return status


def _failed(args: Arguments | None, status: int, message: str, hint: str | None) -> int:
    """Say what went wrong and what to do next. A monitoring plug-in could not look, and says so on stdout, too."""
    say(f"provisioner: {message}")
    if hint:
        say(f"  hint: {hint}")
    if args is None or args.format != "nagios":
        return status
    from provisioner.checks import nagios

    return _told(nagios.line(3, secrets.text(message)), 3)
