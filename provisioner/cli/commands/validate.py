"""``provisioner validate``: judge a configuration without a host, and list everything that is wrong with it."""

from collections.abc import Sequence

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.config import load, parse
from provisioner.config.problems import Problem
from provisioner.errors import ConfigError, Exit
from provisioner.host import System


def run(host: System, args: Arguments) -> Answer:
    """Judge the file that is named, standard input for ``-``, or the configuration of this host."""
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
    """A block a mistake: where, what, the line itself, and what would be right. Editors know the first line's form."""
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
