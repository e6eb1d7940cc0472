"""Run every benchmark and write docs/benchmarks.md: ``make benchmark``, or ``python -m benchmarks check plan``.

Each benchmark runs in its own process, one after the other, and prints its own numbers. A run of some of them keeps the
others' sections. ``python -m benchmarks --text`` runs none, and writes what each benchmark says of itself. What stands
above the first of them is written by hand, and stays.
"""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from release import version
from release.version import ROOT
from tests.hosts import recipes

PAGE = ROOT / "docs" / "benchmarks.md"
NEVER = "It was not measured for this page yet.\n"
HEADING = re.compile(r"^## benchmarks\.(\w+)\n", re.MULTILINE)


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def page(measured: Mapping[str, str]) -> str:
    """Return the page. ``measured`` has the figures of the benchmarks that were run."""
    text = HEADING.split(PAGE.read_text())[0].rstrip() + "\n"
    for name in names():
        summary = (import_module(f"benchmarks.{name}").__doc__ or "").strip().replace("``", "`")
        text += f"\n## benchmarks.{name}\n\n{summary}\n\n{measured.get(name, NEVER)}"
    return text


def kept() -> dict[str, str]:
    """Return the figures that the page has now, by benchmark."""
    parts = HEADING.split(PAGE.read_text())[1:]
    found = {name: text.partition("| version |") for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return {name: f"{mark}{text}".rstrip() + "\n" for name, (_, mark, text) in found.items() if mark}


def figures(name: str, version: str) -> str:
    """Run one benchmark and return its figures, with where and when they were measured.

    ``version`` is that of the sources before the first page is written, because a written page changes them.

    Raises: CalledProcessError if the benchmark fails.
    """
    load, start = f"{os.getloadavg()[0]:.1f}", time.monotonic()
    argv = (sys.executable, "-m", f"benchmarks.{name}")
    ran = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    date, seconds = time.strftime("%Y-%m-%d", time.gmtime()), round(time.monotonic() - start)
    row = (version, date, machine(), engines(name), load, f"{seconds} s")
    heads = ("version", "date", "machine", "hosts", "load at the start", "took")
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, ["---"] * len(heads), row))
    return f"{table}\n```text as=figures\n{ran.stdout.strip()}\n```\n"


def engines(name: str) -> str:
    """Return the versions of Docker on the hosts that a benchmark boots."""
    said = [f"Engine {recipes.ENGINES[engine].version}" for engine in import_module(f"benchmarks.{name}").ENGINES]
    return ", ".join(said) or "none"


def machine() -> str:
    """Describe the machine. What its kernel's builder adds to the version says nothing to others."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(next(line.split()[1] for line in _lines("/proc/meminfo"))) // 2**20
    kernel = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    return f"{os.cpu_count()} × {(*models, platform.machine())[0]}, {memory} GiB, {kernel}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def main(wanted: list[str]) -> int:
    """Run benchmarks and write the page. Returns 64 if one of them does not exist, and 1 if one fails."""
    text_only, wanted = wanted == ["--text"], [name for name in wanted if name != "--text"]
    if unknown := set(wanted) - set(names()):
        print(
            f"benchmarks: there is no {', '.join(sorted(unknown))}: choose from {', '.join(names())}", file=sys.stderr
        )
        return 64
    measured, failed, number = kept(), False, version.version()
    for name in () if text_only else wanted or names():
        print(f"benchmarks.{name}", file=sys.stderr)
        try:
            measured[name] = figures(name, number)
        except subprocess.CalledProcessError as e:
            print(f"benchmarks.{name} failed with status {e.returncode}; its section stays", file=sys.stderr)
            failed = True
        PAGE.write_text(page(measured))
    PAGE.write_text(page(measured))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
