"""Generates the completion of commands, options and values for bash, zsh and fish from the program's own tables."""

from collections.abc import Iterator

from provisioner.cli import commandline, options
from provisioner.cli.options import Argument

PLACES = {
    "share/bash-completion/completions/provisioner": "bash",
    "share/zsh/site-functions/_provisioner": "zsh",
    "share/fish/vendor_completions.d/provisioner.fish": "fish",
}
FILES = {"FILE", "DIR"}


def scripts() -> Iterator[tuple[str, str]]:
    """Yield the path where each shell looks for its script, and the script."""
    writers = {"bash": bash, "zsh": zsh, "fish": fish}
    for place, shell in PLACES.items():
        yield place, writers[shell]()


def bash() -> str:
    """Return the script for bash."""
    lines = [
        "# bash completion for provisioner",
        "_provisioner() {",
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}",
        "    # --format=json is three words for bash",
        '    [ "$word" != = ] || word=',
        '    [ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD-2]}',
        "    COMPREPLY=()",
        "    if [ $COMP_CWORD -eq 1 ]; then",
        f"        COMPREPLY=($(compgen -W '{' '.join((*commandline.COMMANDS, '--help', '--version'))}' -- \"$word\"))",
        "        return",
        "    fi",
        '    case "$command $before" in',
    ]
    for name in commandline.COMMANDS:
        for argument in _valued(name):
            choices = _choices(argument)
            if choices:
                reply = f"COMPREPLY=($(compgen -W '{' '.join(choices)}' -- \"$word\")); return"
            elif _file(argument):
                reply = 'COMPREPLY=($(compgen -f -- "$word")); return'
            else:
                reply = "return"
            lines.append(f"        '{name} {argument.name}') {reply} ;;")
    lines += ["    esac", '    case "$command" in']
    for name in commandline.COMMANDS:
        words = " ".join((*(a.name for a in options.of(name) if a.name.startswith("--")), "--help"))
        files = " -f" if _files(name) else ""
        lines.append(f"        {name}) COMPREPLY=($(compgen{files} -W '{words}' -- \"$word\")) ;;")
    return "\n".join((*lines, "    esac", "}", "complete -o filenames -F _provisioner provisioner", ""))


def zsh() -> str:
    """Return the script for zsh."""
    commands = " ".join(_quoted(f"{name}:{_plain(text)}") for name, text in commandline.COMMANDS.items())
    lines = [
        "#compdef provisioner",
        "local -a commands",
        f"commands=({commands})",
        "if (( CURRENT == 2 )); then",
        "    _describe command commands",
        "    return",
        "fi",
        "local command=$words[2]",
        "shift words; (( CURRENT-- ))",
        "case $command in",
    ]
    for name in commandline.COMMANDS:
        rows = " ".join(_quoted(_zsh(argument)) for argument in options.of(name))
        lines.append(f"    {name}) _arguments {rows} ;;")
    return "\n".join((*lines, "esac", ""))


def fish() -> str:
    """Return the script for fish."""
    lines = ["# fish completion for provisioner", "complete -c provisioner -f"]
    for name, text in commandline.COMMANDS.items():
        lines.append(f"complete -c provisioner -n __fish_use_subcommand -a {name} -d {_quoted(_plain(text))}")
    for name in commandline.COMMANDS:
        only = f"complete -c provisioner -n '__fish_seen_subcommand_from {name}'"
        for argument in options.of(name):
            if not argument.name.startswith("--"):
                lines += [f"{only} -F"] if _file(argument) else []
                continue
            value = ""
            if argument in _valued(name):
                choices = _choices(argument)
                value = f" -x -a '{' '.join(choices)}'" if choices else " -r -F" if _file(argument) else " -x"
            lines.append(f"{only} -l {argument.name[2:]}{value} -d {_quoted(_plain(argument.settings['help']))}")
    return "\n".join((*lines, ""))


def _valued(command: str) -> list[Argument]:
    """Return the options of a command that take a value."""
    rows = (a for a in options.of(command) if a.name.startswith("--"))
    return [argument for argument in rows if argument.settings.get("action") != "store_true"]


def _choices(argument: Argument) -> tuple[str, ...]:
    return tuple(argument.settings.get("choices") or ())


def _files(command: str) -> bool:
    return any(_file(argument) for argument in options.of(command) if not argument.name.startswith("--"))


def _file(argument: Argument) -> bool:
    """Return whether an argument names a file or a folder, perhaps among other things."""
    return not FILES.isdisjoint((argument.settings.get("metavar") or "").split("|"))


def _zsh(argument: Argument) -> str:
    settings, text = argument.settings, _plain(argument.settings["help"])
    metavar = settings.get("metavar") or argument.name.strip("-")
    choices = _choices(argument)
    action = f"({' '.join(choices)})" if choices else "_files" if _file(argument) else " "
    if not argument.name.startswith("--"):
        action = action.replace(" ", "( )")  # a message alone would keep zsh from completing options there
        many = "*" if settings.get("nargs") == "+" else ""
        return f"{many}:{_plain(metavar)}:{action}"
    again = "*" if settings.get("action") == "append" else ""
    if settings.get("action") == "store_true":
        return f"{again}{argument.name}[{text}]"
    return f"{again}{argument.name}=[{text}]:{_plain(metavar)}:{action}"


def _plain(text: str) -> str:
    """Return a text without the characters that have a meaning in a completion script."""
    for special, plain in ((":", ","), ("[", "("), ("]", ")"), ("`", ""), ("'", "\u2019")):
        text = text.replace(special, plain)
    return text


def _quoted(text: str) -> str:
    return f"'{text}'"
