"""``provisioner explain``: recognize an error, find its cause on this host, and suggest a cure."""

import sys
from typing import Any

from provisioner.cli import answers, causes, cures
from provisioner.cli.causes import Scene
from provisioner.cli.commands import Answer, wanted
from provisioner.cli.cures import Cause, Error
from provisioner.cli.options import Arguments
from provisioner.errors import Exit, UsageError
from provisioner.host import System

LIMIT = 8 << 20  # bytes; of a longer log, only the end is read


def run(host: System, args: Arguments) -> Answer:
    """Explain an error from the arguments, a file or standard input."""
    text = _text(host, args.message)
    asked = causes.wanted_of(lambda: wanted(host, args))
    found = [(error, line, _real(host, asked, args, error, line)) for error, line in cures.recognized(text)]
    status = Exit.OK if found else Exit.FAILED
    if args.format == "json":
        word = "recognized" if found else "unknown"
        return Answer(answers.document(host, "explain", word, status, errors=[_as_json(*f) for f in found]), status)
    if not found:
        known = "\n".join(f"  {error.title}" for error in cures.ERRORS)
        return Answer(f"no error that is known here; these are:\n{known}", status)
    return Answer("\n\n".join(_block(*f) for f in found), status)


def _real(host: System, asked: Any, args: Arguments, error: Error, line: str) -> Cause | None:
    """Return the cause that applies to this host, or None if the host was not examined."""
    return None if args.offline else causes.real(error, Scene(host, asked, line))


def _text(host: System, words: list[str]) -> str:
    """Return the text to explain."""
    if words in ([], ["-"]):
        if sys.stdin.isatty():
            raise UsageError("there is nothing to explain", hint="docker buildx build . 2>&1 | provisioner explain")
        return sys.stdin.buffer.read(LIMIT).decode(errors="replace")
    if len(words) == 1 and host.stat(words[0]) is not None:
        return host.tail(words[0], -LIMIT)
    return " ".join(words)


def _block(error: Error, line: str, real: Cause | None) -> str:
    """Describe an error, its cause on this host and the cure. Without a known cause, list all possible ones."""
    lines = [error.title, f"  seen in: {line[:200]}"]
    for cause in (real,) if real else error.causes:
        lines.append(f"  {'cause' if real else 'possible cause'}: {cause.sentence}")
        lines += [f"    {'cure' if step.startswith(('sudo ', 'docker ')) else 'do'}: {step}" for step in cause.cure]
    return "\n".join(lines)


def _as_json(error: Error, line: str, real: Cause | None) -> dict[str, Any]:
    return {
        "code": error.code,
        "title": error.title,
        "line": line,
        "causes": [
            {"cause": c.sentence, "cure": list(c.cure), "real": None if real is None else c is real}
            for c in error.causes
        ],
    }
