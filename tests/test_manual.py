"""Manual pages and completions are made from the program's own tables, and the tools that read them take them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from provisioner.checks import formats
from provisioner.cli import commandline, options
from release import completion, manual, reference
from release.version import ROOT
from tests.cases.results import BUILT_BY, DRIFT, result

PAGES = dict(manual.pages())
SCRIPTS = dict(completion.scripts())
SHELLS = {"bash": ("bash", "-n"), "zsh": ("zsh", "-n"), "fish": ("fish", "--no-execute")}


@pytest.mark.parametrize("name", PAGES)
def test_groff_has_nothing_against_a_page(name: str) -> None:
    argv = ("groff", "-man", "-t", "-ww", "-Tutf8", "-K", "utf8", "-z")
    ran = subprocess.run(argv, input=PAGES[name], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("command", commandline.COMMANDS)
def test_a_command_s_page_has_every_option_an_example_and_every_exit_status(command: str) -> None:
    page = PAGES[f"man1/provisioner-{command}.1"].replace("\\-", "-")
    for argument in options.of(command):
        assert argument.name in page or argument.settings["metavar"] in page
    assert ".SH EXAMPLES" in page
    for status, _ in manual.STATUSES:
        assert f"\\fB{status}\\fR" in page


def test_the_page_of_the_configuration_has_every_setting() -> None:
    schema = json.loads((ROOT / manual.SCHEMA).read_text())
    page = PAGES["man5/provisioner.yaml.5"]
    for name, rule in schema["properties"].items():
        assert f"\\fB{name}\\fR" in page
        for inner in rule.get("properties", {}):
            assert f"\\fB{name}.{inner}\\fR" in page


@pytest.mark.parametrize("place", SCRIPTS)
def test_the_shell_can_read_its_script(place: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(SCRIPTS[place])
    argv = (*SHELLS[completion.PLACES[place]], str(script))
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


BASH = """\
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
source "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_provisioner
printf '%s\\n' "${COMPREPLY[@]}"
"""
# An interactive zsh on a terminal of its own: type the words, press the key Tab, and print the line as it is then.
ZSH = """\
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'show() { zle -I; print -r -- "<<$BUFFER>>"; BUFFER= }; zle -N show'
zpty -w shell 'bindkey "^X" show; bindkey "^I" complete-word; print READY""NOW'
zpty -r shell said '*READYNOW*'
zpty -w -n shell "${*:2}"$'\\t\\x18'
zpty -r shell said '*<<*>>*'
print -r -- ${${said##*<<}%%>>*}
zpty -d shell
"""
COMPLETED = [
    ("provisioner ch", "check"),
    ("provisioner check --form", "--format"),
    ("provisioner check --format ju", "junit"),
    ("provisioner check --format=ju", "junit"),
    ("provisioner apply --restart if", "if-idle"),
    ("provisioner plan --only im", "image-store"),
    ("provisioner report pypro", "pyproject.toml"),
    ("provisioner validate pypro", "pyproject.toml"),
    ("provisioner check --config pypro", "pyproject.toml"),
    ("provisioner rollback --over", "--overdue"),
    ("provisioner rollback 1 --acc", "--accept"),
    ("provisioner explain --off", "--offline"),
]


def complete(argv: tuple[str, ...], tmp_path: Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"}
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, env=environment, timeout=60)
    return ran.stdout.strip()


def script_of(shell: str, tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    [place] = [place for place, of in completion.PLACES.items() if of == shell]
    path.write_text(SCRIPTS[place])
    return path


@pytest.mark.parametrize(("line", "wanted"), COMPLETED)
def test_bash_completes_commands_options_values_and_files(line: str, wanted: str, tmp_path: Path) -> None:
    words = re.findall(r"=|[^\s=]+", line)
    script = script_of("bash", tmp_path, "script")
    assert complete(("bash", "--norc", "-c", BASH, "bash", str(script), *words), tmp_path).split() == [wanted]


@pytest.mark.parametrize(("line", "wanted"), COMPLETED)
def test_zsh_completes_commands_options_values_and_files(line: str, wanted: str, tmp_path: Path) -> None:
    script_of("zsh", tmp_path, "_provisioner")
    said = complete(("zsh", "-f", "-c", ZSH, "zsh", str(tmp_path), line), tmp_path)
    assert re.split(r"[ =]", said.rstrip("="))[-1] == wanted


@pytest.mark.parametrize(("line", "wanted"), COMPLETED)
def test_fish_completes_commands_options_values_and_files(line: str, wanted: str, tmp_path: Path) -> None:
    script = script_of("fish", tmp_path, "provisioner.fish")
    said = complete(("fish", "--no-config", "-c", f"source {script}; complete --do-complete '{line}'"), tmp_path)
    assert {re.split(r"[ =]", row.split("\t")[0])[-1] for row in said.splitlines()} == {wanted}


def test_the_reference_lists_every_metric_that_a_result_can_have() -> None:
    """Its own result has to have whatever a result has, or the website cannot be built."""
    written = reference.metrics()
    for metric in re.findall(
        r"^# HELP (\S+)", formats.FORMATS["prometheus"](result(DRIFT, builder=BUILT_BY), False), re.MULTILINE
    ):
        assert f"| `{metric}` |" in written
