"""The pages for people: links lead somewhere, commands are the program's, and the project has one address."""

import re
import shlex
from pathlib import Path

import pytest

from provisioner.cli import commandline, parsers
from release import layout
from tests import pages
from tests.hosts.agent import CHECKOUT

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
SPAN = re.compile(r"`(provisioner [a-z][^`\n]*)`")
CALL = re.compile(r"(?:^|&& |; )(?:sudo )?(?:\S*/)?(provisioner(?: .*?)?)(?= && |;| > |\s{2,}| \||$)", re.MULTILINE)
UNFINISHED = set("…|[")  # of a synopsis
LINES = 80  # a screen and a half


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def anchors(page: Path) -> set[str]:
    """Return what headings of a page can be linked to, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", pages.FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading_that_there_is(page: Path) -> None:
    for target, anchor in LINK.findall(pages.FENCE.sub("", page.read_text())):
        if target.startswith(("http://", "https://")):
            continue
        folder = page.parent.parent if page.parent.name == "site" else page.parent  # the site is one folder
        found = page if not target else folder / target
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_command_of_ours_on_a_page_can_be_typed(page: Path) -> None:
    shown = "".join(block.commands for block in pages.blocks(page) if block.language in pages.COMMANDS)
    said = SPAN.findall(pages.FENCE.sub("", page.read_text()))
    said = [call.split("&&")[0] for call in said if len(call.split()) > 2]  # one with a command alone is its name
    for call in (*CALL.findall(shown), *said):
        words = [word for word in shlex.split(call.split(" > ")[0])[1:] if word != "\\"]
        assert not words or words[0] in commandline.COMMANDS or words[0].startswith("-"), call
        if words and words[0] in commandline.COMMANDS and not UNFINISHED & {*" ".join(words)}:
            assert parsers.parse(commandline.COMMANDS, _typed(words)).command == words[0]


def _typed(words: list[str]) -> list[str]:
    """Return a command with a value in each place that a reader fills in."""
    return ["1" if word in ("N", "[N]") else "10m" if word == "TIME" else word for word in words]


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_block_has_a_language_and_commands_say_where_they_run_or_why_not(page: Path) -> None:
    for block in pages.blocks(page):
        assert block.language, f"line {block.line}: a block without a language is a text"
        if block.language in pages.COMMANDS:
            given = (block.words.get("on") in pages.PLACES, block.words.get("skip") in pages.REASONS)
            assert sum(given) == 1, (
                f"line {block.line}: on= one of tests/pages.py's PLACES, or skip= one of its REASONS"
            )


def test_more_blocks_are_run_than_not(capsys: pytest.CaptureFixture[str]) -> None:
    print(pages.listing())
    found = list(pages.commands())
    assert sum("on" in block.words for block in found) > 2 * sum("skip" in block.words for block in found)
    assert f"{len(found)} blocks" in capsys.readouterr().out


def test_a_session_s_commands_and_its_output_are_told_apart() -> None:
    text = "# one\nout…put\n$ two\n"
    block = pages.Block("page.md", 1, "console", {}, text)
    assert block.commands == "one\ntwo\n"
    assert block.answer.search("says:\nout and\nput")
    assert not block.answer.search("out of")


def test_every_test_that_the_field_reports_name_is_there() -> None:
    named = set(re.findall(r"`((?:\w+/)?test_\w+)`", (CHECKOUT / "docs/field-reports.md").read_text()))
    every = [path.relative_to(CHECKOUT / "tests").with_suffix("") for path in (CHECKOUT / "tests").rglob("test_*.py")]
    found = {name: [path for path in every if f"/{path}".endswith(f"/{name}")] for name in named}
    assert {name: paths for name, paths in found.items() if len(paths) != 1} == {}  # the folder tells two from another


def test_the_readme_takes_a_screen_and_a_half() -> None:
    assert len((CHECKOUT / "README.md").read_text().splitlines()) <= LINES


def test_the_project_has_one_address() -> None:
    owner = layout.url().rsplit("/", 2)[1]
    suffixes = (".md", ".yml", ".yaml", ".toml", ".json", ".py")
    tree = [p for p in CHECKOUT.rglob("*") if p.suffix in suffixes and ".venv" not in p.parts and ".git" not in p.parts]
    for path in tree:
        for found in re.findall(r"github\.com/([\w-]+)/provisioner\b", path.read_text(errors="replace")):
            assert found == owner, path


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_column_of_a_table_has_a_name(page: Path) -> None:
    """A screen reader says it with each cell."""
    heads = re.findall(r"^(\|.*\|)\n\|[-:| ]+\|$", pages.FENCE.sub("", page.read_text()), re.MULTILINE)
    assert [head for head in heads if re.search(r"\|\s*\|", head)] == []
