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


ASK = """\
source "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_provisioner
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("provisioner", "ch"), ["check"]),
        (("provisioner", "check", "--form"), ["--format"]),
        (("provisioner", "check", "--format", "j"), ["json", "junit"]),
        (("provisioner", "apply", "--restart", "if"), ["if-idle"]),
        (("provisioner", "report", "pypro"), ["pyproject.toml"]),
        (("provisioner", "rollback", "--over"), ["--overdue"]),
    ],
)
def test_bash_completes_commands_options_values_and_files(
    words: tuple[str, ...], wanted: list[str], tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text(SCRIPTS["share/bash-completion/completions/provisioner"])
    argv = ("bash", "-c", ASK, "bash", str(script), *words)
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == wanted


def test_fish_completes_a_command_s_values(tmp_path: Path) -> None:
    script = tmp_path / "provisioner.fish"
    script.write_text(SCRIPTS["share/fish/vendor_completions.d/provisioner.fish"])
    ask = f"source {script}; complete --do-complete 'provisioner check --format ju'"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ran = subprocess.run(("/usr/bin/fish", "-c", ask), capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout.split()[0] == "junit"


def test_the_reference_lists_every_metric_that_a_result_can_have() -> None:
    """Its own result has to have whatever a result has, or the website cannot be built."""
    written = reference.metrics()
    for metric in re.findall(
        r"^# HELP (\S+)", formats.FORMATS["prometheus"](result(DRIFT, builder=BUILT_BY), False), re.MULTILINE
    ):
        assert f"| `{metric}` |" in written
