"""A plain command line is read without argparse, and to the same end."""

import contextlib
import io
import itertools
import shlex

import pytest

from provisioner.cli import commandline, examples, parsers
from provisioner.cli.options import Arguments
from provisioner.errors import UsageError

WORDS = ("--quiet", "--record", "--format", "json", "--format=nagios", "--only", "builder", "--only=daemon", "--config",
         "--config=", "/etc/x", "-", "--", "--form", "nonsense", "--exit-zero", "--quick=1", "-h", "")  # fmt: skip
READ_PLAINLY = (
    ("check",),
    ("check", "--record"),
    ("check", "--format", "nagios", "--only=builder", "--only", "emulators"),
    ("check", "--config", "/etc/other.yaml", "--textfile-dir=/var/lib/node-exporter", "--record", "--exit-zero"),
    ("plan", "--quick", "--format=json"),
    ("remove",),
)


def by_argparse(argv: tuple[str, ...]) -> Arguments | str:
    """The arguments, or the complaint."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return parsers.parse(commandline.COMMANDS, argv)
    except UsageError as e:
        return e.message
    except SystemExit as e:
        return f"ends with {e.code}"


@pytest.mark.parametrize("argv", READ_PLAINLY, ids=" ".join)
def test_what_units_and_monitoring_say_is_plain(argv: tuple[str, ...]) -> None:
    assert commandline.plain(argv) == by_argparse(argv)


def test_argparse_would_have_read_the_same() -> None:
    lines = itertools.chain.from_iterable(itertools.permutations(WORDS, n) for n in range(3))
    read = {("check", *words): commandline.plain(("check", *words)) for words in lines}
    assert {argv: by_argparse(argv) for argv, found in read.items() if found} == {a: f for a, f in read.items() if f}


@pytest.mark.parametrize("command", ["init", "schema"])
def test_what_has_one_form_alone_promises_no_other(command: str) -> None:
    with pytest.raises(UsageError, match="cannot be 'json'"):
        commandline.parse((command, "--format", "json"))


@pytest.mark.parametrize(
    "argv", [("hold",), ("report",), ("rollback", "3"), ("--help",), ("nothing",), ("check", "-h")]
)
def test_what_takes_more_than_options_is_left_to_argparse(argv: tuple[str, ...]) -> None:
    assert commandline.plain(argv) is None


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (("chekc",), "there is no command 'chekc'", "did you mean check?"),
        (("status",), "there is no command 'status'", "use `provisioner check`"),
        (("check", "--foramt", "json"), "has no option --foramt", "did you mean --format?"),
        (("check", "--form", "json"), "has no option --form", "did you mean --format?"),
        (("check", "--format", "jsn"), "--format cannot be 'jsn'", "did you mean json?"),
        (("apply", "--dry-run"), "has no option --dry-run", "`provisioner plan`"),
        (("apply", "--confirm", "10"), "is not a length of time", "--help"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(argv: tuple[str, ...], message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        commandline.parse(argv)
    assert hint in str(raised.value.hint)


@pytest.mark.parametrize("command", commandline.COMMANDS)
def test_every_help_has_examples_of_its_own_command_that_can_be_read(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        commandline.parse((command, "--help"))
    said = capsys.readouterr().out
    assert "exit statuses:" in said
    for line, _ in examples.EXAMPLES[command]:
        for part in (p for p in line.split("|") if "provisioner" in p.split()[:2]):
            words = shlex.split(part.split("&&")[0].split(">")[0])
            argv = words[words.index("provisioner") + 1 :]
            assert argv[0] == command
            parsed = commandline.parse(argv)
            assert parsed.command == command
