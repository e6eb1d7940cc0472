"""The benchmarks can be run: each is imported, and what it runs on a host compiles and finds what it imports."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import __main__ as every
from tests.hosts import recipes
from tests.hosts.agent import CHECKOUT

NEEDED = ("benchmarks", "provisioner", "release", "tests/hosts")
COMMIT = """\
set -e
git init --quiet
git add .
git -c user.name=reader -c user.email=reader@example.com commit --quiet --message=sources
"""


@pytest.mark.parametrize("name", every.names())
def test_a_benchmark_can_be_run_and_says_what_it_measures(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert callable(module.main)
    assert module.__doc__


@pytest.mark.parametrize("name", every.names())
def test_what_a_benchmark_runs_on_a_host_imports_what_there_is(name: str) -> None:
    scripts = [text for text in vars(import_module(f"benchmarks.{name}")).values() if isinstance(text, str)]
    for script in scripts:
        if not script.lstrip().startswith(("import ", "from ")):
            continue
        for node in ast.walk(ast.parse(script)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("provisioner"):
                found = import_module(node.module or "")
                assert all(hasattr(found, alias.name) for alias in node.names), script


def test_a_benchmark_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert every.main(["chekc"]) == 64
    assert "there is no chekc" in capsys.readouterr().err


def test_the_page_has_the_text_of_today_and_every_benchmark() -> None:
    """``python -m benchmarks --text`` writes it."""
    assert every.PAGE.read_text() == every.page(every.kept())


def test_a_run_of_one_benchmark_keeps_the_figures_of_the_others() -> None:
    run = "| version |\n|---|\n| 1 |\n\n```text as=figures\nbest 1 s\n```\n"
    text = every.page({"plan": run, "check": run})
    parts = every.HEADING.split(text)[1:]
    assert parts[::2] == every.names()
    assert [name for name, part in zip(parts[::2], parts[1::2], strict=True) if "best 1 s" in part] == ["check", "plan"]
    assert text.count(every.NEVER) == len(every.names()) - 2


@pytest.mark.parametrize("name", every.names())
def test_a_benchmark_names_the_hosts_that_it_boots(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert set(module.ENGINES) <= set(recipes.ENGINES)
    engine = inspect.signature(module.main).parameters.get("engine")
    assert (engine.default,) == module.ENGINES if engine else True
    assert every.engines(name).count("Engine ") == len(module.ENGINES)


def test_all_rows_of_one_run_have_the_version_of_the_sources_before_it(tmp_path: Path) -> None:
    """The first section that is written is a change of the sources."""
    for folder in NEEDED:
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "tests/__init__.py", tmp_path / "tests")
    for name in every.names():
        (tmp_path / "benchmarks" / f"{name}.py").unlink()
    for name in ("first", "second"):
        text = f'"""Print {name}."""\n\nENGINES = ("trixie", "29")\nprint("{name}")\n'
        (tmp_path / "benchmarks" / f"{name}.py").write_text(text)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/benchmarks.md").write_text("# Benchmarks\n")
    subprocess.run(("/bin/sh", "-c", COMMIT), cwd=tmp_path, check=True)
    subprocess.run((sys.executable, "-m", "benchmarks"), cwd=tmp_path, check=True)
    rows = re.findall(
        r"^\| (\d\S+) \| .* \| (Engine [^|]*) \|", (tmp_path / "docs/benchmarks.md").read_text(), re.MULTILINE
    )
    assert len(rows) == 2
    assert {engines for _, engines in rows} == {"Engine 26.1, Engine 29.9"}
    [version] = {version for version, _ in rows}
    assert "changed" not in version
