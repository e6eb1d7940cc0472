"""The benchmarks can be run: each is imported, and what it runs on a host compiles and finds what it imports."""

import ast
from importlib import import_module

import pytest

from benchmarks import __main__ as every


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
