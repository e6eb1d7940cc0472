"""Run every benchmark and write docs/benchmarks.md: ``make benchmark``, or ``python -m benchmarks check plan``.

Each benchmark runs in its own process, one after the other, and prints its own numbers.
"""

import os
import platform
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

from release.version import ROOT, version

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

`make benchmark` wrote this page. Each benchmark measures provisioner against what you would run instead, in the same
run on the same host, so the ratios matter and the times do not. The module named in each heading says how.

| | |
|---|---|
| version | {version} |
| date | {date} |
| machine | {machine} |
| load when it began | {load} |
"""


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def section(name: str) -> str:
    """Run one benchmark and return its section of the page."""
    summary = (import_module(f"benchmarks.{name}").__doc__ or "").strip()
    ran = subprocess.run(
        (sys.executable, "-m", f"benchmarks.{name}"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = ran.stdout.strip() if ran.returncode == 0 else f"failed:\n{ran.stderr.strip()[-2000:]}"
    return f"\n## benchmarks.{name}\n\n{summary}\n\n```\n{said}\n```\n"


def machine() -> str:
    """Describe the machine."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(next(line.split()[1] for line in _lines("/proc/meminfo"))) // 2**20
    kernel = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} × {(*models, platform.machine())[0]}, {memory} GiB, {kernel}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def main(wanted: list[str]) -> int:
    """Run benchmarks and write the page. Returns 64 if one of them does not exist."""
    if unknown := set(wanted) - set(names()):
        print(
            f"benchmarks: there is no {', '.join(sorted(unknown))}: choose from {', '.join(names())}", file=sys.stderr
        )
        return 64
    load = f"{os.getloadavg()[0]:.1f}"
    date = time.strftime("%Y-%m-%d", time.gmtime())
    text = HEAD.format(version=version(), date=date, machine=machine(), load=load)
    for name in wanted or names():
        print(f"benchmarks.{name}", file=sys.stderr)
        text += section(name)
    PAGE.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
