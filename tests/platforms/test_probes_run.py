"""Run every test program: natively, or under QEMU, registered in a binfmt_misc table that belongs to the test.

Such a table needs no privileges and does not affect other tables. A user namespace mounts one for itself, which needs
Linux 6.7 or later.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from provisioner.platforms import binfmt, elf, loads, table
from provisioner.platforms.table import Platform

CACHE = Path(os.environ.get("PROVISIONER_CACHE", "/var/cache/provisioner-hosts"))
CASES = Path(__file__).parents[1] / "cases/binfmt.d"
TAKEN = [line.strip() for line in (CASES / "taken.conf").read_text().splitlines() if line.strip()[:1] not in "#;"]
REFUSED = [line for line in (CASES / "refused.conf").read_text().splitlines() if line[:1] != "#"]

EMULATED = {p.architecture: p for p in table.PLATFORMS.values() if not p.build_only}
NATIVE = sorted({table.of(name).architecture for name in table.native(platform.machine())})
FOREIGN = sorted(EMULATED.keys() - set(NATIVE))

# The arguments up to "--" are lines to register. The rest is the command to run with that table.
TABLE = """
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit 99
while [ "$1" != -- ]; do printf %s "$1" >/proc/sys/fs/binfmt_misc/register || exit 98; shift; done
shift; exec "$@"
"""
EXEC = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"  # a shell would run an unknown file as a script
OFFER = """
for line; do
    if printf %s "$line" >/proc/sys/fs/binfmt_misc/register; then echo taken; else echo refused; fi
done
"""


def with_table(lines: Sequence[str], *command: str | Path) -> tuple[str | Path, ...]:
    """Return the argv that runs a command with a table of only these lines."""
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", TABLE, "sh", *lines, "--", *command)


def qemu(row: Platform) -> str:
    """Return the path of a static QEMU for a platform, from the machine or from the cache."""
    inside = (str(folder) for folder in CACHE.glob("programs-*/qemu-user/usr/bin"))
    path = os.pathsep.join((os.environ.get("PATH", ""), *inside))
    found = shutil.which(f"{row.emulator}", path=path) or shutil.which(f"{row.emulator}-static", path=path)
    if found is None:
        pytest.skip(f"no {row.emulator} is installed: Debian's qemu-user, or qemu-user-static before trixie")
    return str(found)


def ran(argv: Sequence[str | Path]) -> tuple[int, str]:
    """Run a command. Return its exit status and all of its output."""
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture(autouse=True, scope="module")
def _own_table() -> None:
    if ran(with_table((), "true"))[0] != 0:
        pytest.skip("this kernel gives a user namespace no binfmt_misc table of its own, as Linux 6.7 and later do")


@pytest.fixture
def probe(architecture: str, tmp_path: Path) -> Path:
    """The test program of the test's architecture as an executable file."""
    path = tmp_path / "probe"
    path.write_bytes(elf.program(architecture))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("architecture", NATIVE)
def test_a_native_probe_names_itself_and_ends_well(architecture: str, probe: Path) -> None:
    assert ran((probe,)) == (0, f"{architecture}\n")


@pytest.mark.parametrize("flags", ["F", "CF", "PCF", "C", ""])
@pytest.mark.parametrize("architecture", FOREIGN)
def test_a_foreign_probe_names_itself_and_ends_well(architecture: str, probe: Path, flags: str) -> None:
    row = EMULATED[architecture]
    line = binfmt.registration_line(row, qemu(row), flags)
    assert ran(with_table((line,), probe)) == (0, f"{architecture}\n")


@pytest.mark.parametrize("architecture", [*NATIVE, *FOREIGN])
def test_a_load_ends_well_and_says_nothing(architecture: str, tmp_path: Path) -> None:
    path = tmp_path / "load"
    path.write_bytes(loads.program(architecture))
    path.chmod(0o755)
    argv = (path,) if architecture in NATIVE else (qemu(EMULATED[architecture]), path)
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("architecture", NATIVE)
def test_a_native_probe_runs_under_an_emulator_as_on_other_hosts(architecture: str, probe: Path) -> None:
    assert ran((qemu(EMULATED[architecture]), probe)) == (0, f"{architecture}\n")  # never registered: see design.md


@pytest.mark.parametrize("cpu", ["arm926", "arm1176", "cortex-a7", "max"])
@pytest.mark.parametrize("architecture", ["arm"])
def test_the_probe_of_arm_runs_on_every_version_from_5_on(architecture: str, probe: Path, cpu: str) -> None:
    assert ran((qemu(EMULATED[architecture]), "-cpu", cpu, probe)) == (0, "arm\n")


@pytest.mark.parametrize("architecture", FOREIGN)
@pytest.mark.usefixtures("architecture")
def test_without_an_entry_the_kernel_refuses_a_foreign_probe(probe: Path) -> None:
    status, said = ran(with_table((), sys.executable, "-c", EXEC, probe))
    assert status == 1
    assert "Exec format error" in said


@pytest.mark.parametrize("architecture", [*NATIVE, *FOREIGN])
def test_an_open_pipe_keeps_a_probe_until_somebody_has_asked_what_runs_it(architecture: str, probe: Path) -> None:
    program, argv = probe, tuple[str | Path, ...]((probe,))
    if architecture in FOREIGN:
        program = Path(qemu(EMULATED[architecture]))
        argv = with_table((binfmt.registration_line(EMULATED[architecture], str(program), "F"),), probe)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().decode() == f"{architecture}\n"
        assert process.poll() is None
        assert Path(f"/proc/{process.pid}/exe").resolve() == program.resolve()
        process.communicate(timeout=20)  # closes its stdin
    assert process.returncode == 0


def test_the_kernel_takes_and_refuses_the_same_lines_as_we_do() -> None:
    status, said = ran((*with_table((), "sh", "-c", OFFER, "sh"), *REFUSED, *TAKEN))
    assert status == 0
    verdicts = [line for line in said.splitlines() if line in ("taken", "refused")]
    assert verdicts == ["refused"] * len(REFUSED) + ["taken"] * len(TAKEN)


@pytest.mark.parametrize("line", TAKEN)
def test_what_the_kernel_prints_says_what_the_line_said(line: str) -> None:
    rule = binfmt.parse_rule(line)
    status, text = ran(with_table((line,), "cat", f"/proc/sys/fs/binfmt_misc/{rule.name}"))
    assert status == 0
    entry = binfmt.parse_entry(text)
    assert set(entry.flags) == set(rule.flags)
    assert entry._replace(flags="") == binfmt.Entry(
        True, rule.interpreter, "", rule.offset, rule.magic, rule.mask, rule.extension
    )


@pytest.mark.parametrize("flags", ["F", "PCF"])
@pytest.mark.parametrize("architecture", [*NATIVE, *FOREIGN])
def test_the_status_of_a_probe_counts_its_arguments(architecture: str, probe: Path, flags: str) -> None:
    foreign = architecture in FOREIGN
    row = EMULATED[architecture]
    lines = (binfmt.registration_line(row, qemu(row), flags),) if foreign else ()
    assert ran(with_table(lines, probe, "one", "two"))[0] == 2


# One wrapper knows nothing of the P flag. The other one assumes it.
NAIVE = 'exec {qemu} "$@"'
PATCHED = 'program=$1; name=$2; shift 2; exec {qemu} -0 "$name" "$program" "$@"'


@pytest.mark.parametrize(("behaviour", "flags", "status"), [(NAIVE, "", 0), (NAIVE, "P", 1), (PATCHED, "P", 0)])
@pytest.mark.parametrize("architecture", ["arm64"])
def test_a_probe_shows_a_p_flag_that_does_not_fit_the_emulator(
    architecture: str, probe: Path, behaviour: str, flags: str, status: int
) -> None:
    row = EMULATED[architecture]
    emulator = probe.with_name("emulator")
    emulator.write_text(f"#!/bin/sh\n{behaviour.format(qemu=qemu(row))}\n")
    emulator.chmod(0o755)
    line = binfmt.registration_line(row, str(emulator), flags)
    assert ran(with_table((line,), probe)) == (status, "arm64\n")


@pytest.mark.parametrize("first", ["qemu-aarch64", "rosetta"])
@pytest.mark.parametrize("architecture", ["arm64"])
def test_of_two_entries_that_match_the_last_one_wins(architecture: str, probe: Path, first: str) -> None:
    [second] = {"qemu-aarch64", "rosetta"} - {first}
    row = EMULATED[architecture]
    lines = [binfmt.registration_line(row, p, "", name=n) for n, p in ((first, "/bin/false"), (second, "/bin/echo"))]
    assert ran(with_table(lines, probe)) == (0, f"{probe}\n")
