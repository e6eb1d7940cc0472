"""The larger test program matches its sources, runs under each emulator, and tells what does not work."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from provisioner.platforms import elf, ordinary, table
from tests.helpers.private import private_host
from tests.hosts import parts
from tests.platforms.test_elf import assemblers, text_section

SOURCES = Path(elf.__file__).with_name("probes")
TABLES = {"work": ordinary.WORK, "loader": ordinary.LOADERS}
FOREIGN = tuple(
    f"linux/{name}" for name in ("arm64", "arm/v7", "riscv64", "ppc64le", "s390x", "mips64le", "mips64", "loong64")
)
QEMU = {"arm64": "aarch64", "arm": "arm", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x",
        "mips64le": "mips64el", "mips64": "mips64", "loong64": "loongarch64"}  # fmt: skip


@pytest.mark.parametrize("architecture", elf.ARCHITECTURES)
@pytest.mark.parametrize("kind", TABLES)
def test_the_tables_hold_what_the_sources_assemble_to(kind: str, architecture: str, tmp_path: Path) -> None:
    found = assemblers(architecture)
    if not found:
        pytest.skip(f"no assembler for {architecture} is installed")
    code = base64.b64decode(TABLES[kind][architecture])
    for number, argv in enumerate(found):
        made = tmp_path / f"{number}.o"
        source = SOURCES / kind / f"{architecture}.s"
        subprocess.run((*argv, "-I", source.parent, "-o", made, source), check=True, timeout=60)
        assert text_section(made.read_bytes()) == code, argv[0]


def test_every_architecture_has_sources_and_none_is_left_over() -> None:
    for kind, codes in TABLES.items():
        assert {p.stem for p in (SOURCES / kind).glob("*.s")} == set(elf.ARCHITECTURES) == set(codes)


@pytest.mark.parametrize("architecture", elf.ARCHITECTURES)
def test_it_is_an_ordinary_program_with_a_loader(architecture: str) -> None:
    assert elf.needs_interpreter(ordinary.program(architecture)) is True
    assert elf.needs_interpreter(ordinary.loader(architecture)) is False
    assert elf.machine(ordinary.loader(architecture)) == architecture
    assert len(ordinary.program(architecture)) > elf.PAGE


@pytest.mark.host
@pytest.mark.parametrize("flags", ["F", "POCF"])
def test_it_runs_under_each_emulator_in_an_empty_root_and_needs_its_loader(flags: str) -> None:
    emulators = [str(parts.qemu() / "usr/bin" / f"qemu-{name}") for name in QEMU.values()]
    rows = {row.architecture: row for row in map(table.of, FOREIGN)}
    with private_host(emulators) as host:
        host.sh("mkdir /tmp/root")
        for architecture, row in rows.items():
            for name, data in (
                ("probe", ordinary.program(architecture)),
                (ordinary.LOADER[1:], ordinary.loader(architecture)),
            ):
                place, text = f"/tmp/root/{name}", base64.b64encode(data).decode()
                done = host.run("sh", "-ec", f"rm -f {place}; base64 -d > {place}; chmod 755 {place}", text=text)
                assert done.returncode == 0, done.stderr
            host.register(row, f"/opt/qemu/{row.emulator}", flags)
            ran = host.run("chroot", "/tmp/root", "/probe")
            assert (ran.returncode, ran.stdout) == (0, f"{architecture}\n"), (architecture, ran.stderr)
            host.sh(f"rm /tmp/root/{ordinary.LOADER[1:]}")
            assert host.run("chroot", "/tmp/root", "/probe").returncode != 0


NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)


@pytest.mark.skipif(NATIVE is None or shutil.which("strace") is None, reason="needs strace, and a CPU of ours")
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("mmap:error=ENOMEM:when=1", 10),
        ("clone:error=EAGAIN:when=1", 11),
        ("clone:error=EAGAIN:when=2", 12),
        ("wait4:error=ECHILD:when=1", 12),
        ("rt_sigaction:error=EINVAL:when=1", 13),
        ("kill:retval=0:when=1", 13),
        ("write:error=EIO:when=99", 0),
    ],
)
def test_its_status_tells_what_failed(fault: str, status: int, tmp_path: Path) -> None:
    assert NATIVE is not None
    code = base64.b64decode(ordinary.WORK[NATIVE]) + elf.ARCHITECTURES[NATIVE].code
    program = tmp_path / "probe"
    program.write_bytes(elf.file(NATIVE, code))
    program.chmod(0o755)
    argv = ("strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", f"inject={fault}", program)
    ran = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert ran.returncode == status
    assert status == 0 or ordinary.why(f"did not complete successfully: exit code: {status}\n")


def test_a_signal_that_ended_it_has_no_meaning_of_ours() -> None:
    assert ordinary.why('process "/probe" did not complete successfully: exit code: 139') == ""
