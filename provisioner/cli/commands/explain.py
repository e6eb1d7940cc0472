"""``provisioner explain``: recognize an error, find its cause on this host, and suggest a cure."""

import sys
from typing import Any

from provisioner.cli import answers, causes
from provisioner.cli.causes import Scene
from provisioner.cli.commands import Answer, wanted
from provisioner.cli.cures import Cure, Error, table
from provisioner.cli.options import Arguments
from provisioner.errors import Exit, UsageError
from provisioner.host import System

LIMIT = 8 << 20  # bytes; of a longer log, only the end is read


def run(host: System, args: Arguments) -> Answer:
    """Explain an error from the arguments, a file or standard input."""
    text = _text(host, args.message)
    asked = causes.wanted_of(lambda: wanted(host, args))
    found = [
        (error, line, None if args.offline else Scene(host, asked, line)) for error, line in table.recognized(text)
    ]
    status = Exit.OK if found else Exit.FAILED
    if args.format == "json":
        word = "recognized" if found else "unknown"
        return Answer(answers.document(host, "explain", word, status, errors=[_as_json(*f) for f in found]), status)
    if not found:
        known = "\n".join(f"  {error.title}" for error in table.ERRORS)
        return Answer(f"no error that is known here; these are:\n{known}", status)
    return Answer("\n\n".join(_block(*f) for f in found), status)


def _text(host: System, words: list[str]) -> str:
    """Return the text to explain."""
    if words in ([], ["-"]):
        if sys.stdin.isatty():
            raise UsageError("there is nothing to explain", hint="docker buildx build . 2>&1 | provisioner explain")
        return sys.stdin.buffer.read(LIMIT).decode(errors="replace")
    if len(words) == 1 and host.stat(words[0]) is not None:
        return host.tail(words[0], -LIMIT)
    return " ".join(words)


def _block(error: Error, line: str, scene: Scene | None) -> str:
    """Describe an error, its cause on this host and the cure. If the host is not examined, list all possible ones."""
    lines = [error.title, f"  seen in: {line[:200]}"]
    for cause in (causes.real(error, scene),) if scene else error.causes:
        lines.append(f"  {'cause' if scene else 'possible cause'}: {cause.sentence}")
        lines += [f"    {'cure' if step.command else 'do'}: {_words(step, scene)}" for step in cause.cure]
    return "\n".join(lines)


def _words(step: Cure, scene: Scene | None) -> str:
    return scene.filled(step.words) if scene else step.words


def _as_json(error: Error, line: str, scene: Scene | None) -> dict[str, Any]:
    real = causes.real(error, scene) if scene else None
    return {
        "code": error.code,
        "title": error.title,
        "line": line,
        "causes": [
            {
                "cause": c.sentence,
                "cure": [_words(step, scene) for step in c.cure],
                "real": None if real is None else c is real,
            }
            for c in error.causes
        ],
    }
