"""``provisioner validate``: check a configuration without examining a host, and list all mistakes."""

from collections.abc import Sequence

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.config import load, parse
from provisioner.config.problems import Problem
from provisioner.errors import ConfigError, Exit
from provisioner.host import System


def run(host: System, args: Arguments) -> Answer:
    """Validate the given file, standard input for ``-``, or this host's configuration."""
    asked = args.file or args.config
    path = load.place(host, asked)
    text = load.read(host, path)
    if text is None:
        raise ConfigError(f"{path}: there is no such file", hint="`provisioner init` prints one to start from")
    shown = "standard input" if path == load.STDIN else path
    _, problems = parse.judge(text, shown)
    status = Exit.CONFIG if problems else Exit.OK
    if args.format == "json":
        fields = {"valid": not problems, "problems": [p.as_json(shown) for p in problems]}
        return Answer(answers.document(host, "validate", "invalid" if problems else "valid", status, **fields), status)
    return Answer(_text(shown, text, problems), status)


def _text(path: str, text: str, problems: Sequence[Problem]) -> str:
    """Return a block for each mistake: place, message, the line itself, and a hint.

    Editors can parse the first line of each block.
    """
    if not problems:
        return f"{path}: valid{' (empty: the defaults apply)' if not text.strip() else ''}"
    lines = text.splitlines()
    blocks = []
    for p in problems:
        place = f":{p.line}:{p.column}" if p.line else ""
        named = f"{p.where}: {p.message}" if p.place else p.message
        quoted = [f"    {lines[p.line - 1]}"] if 0 < p.line <= len(lines) else []
        blocks.append("\n".join([f"{path}{place}: {named}", *quoted, f"  hint: {p.hint}"]))
    count = f"{len(problems)} mistake{'s' if len(problems) > 1 else ''}"
    return "\n".join([*blocks, count])
