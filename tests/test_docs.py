"""The pages for people: links lead somewhere, commands are the program's, and the project has one address."""

import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from provisioner.cli import commandline, parsers
from provisioner.config import parse
from release import layout
from tests import pages
from tests.hosts.agent import CHECKOUT

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
SPAN = re.compile(r"`(provisioner [a-z][^`\n]*)`")
CALL = re.compile(r"(?:^|&& |; )(?:sudo )?(?:\S*/)?(provisioner(?: .*?)?)(?= && |;| > |\s{2,}| \||$)", re.MULTILINE)
UNFINISHED = set("…|[")  # of a synopsis
LINES, CHARACTERS = 60, 2800  # a screen and a half, with the picture
WIDTH = 86  # characters of code that forges show beside each other


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def anchors(page: Path) -> set[str]:
    """Return what headings of a page can be linked to, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", pages.prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading_that_there_is(page: Path) -> None:
    for target, anchor in LINK.findall(pages.prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        folder = page.parent.parent if page.parent.name == "site" else page.parent  # the site is one folder
        found = page if not target else folder / target
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_command_of_ours_on_a_page_can_be_typed(page: Path) -> None:
    typed = (*pages.COMMANDS, pages.INDENTED)
    shown = "".join(block.commands for block in pages.blocks(page) if block.language in typed)
    said = SPAN.findall(pages.prose(page))
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
def test_every_block_says_which_test_runs_or_reads_it_or_why_none_does(page: Path) -> None:
    assert not re.search(r"<(pre|code|script)\b", pages.prose(page)), "a block that no Markdown parser sees"
    for block in pages.blocks(page):
        where = f"line {block.line}"
        if block.language == pages.INDENTED:
            assert block.page in pages.MADE, f"{where}: write a block of code between fences"
            continue
        assert block.language, f"{where}: a block without a language is a text"
        file = "file" in block.words
        given = {
            "on": block.words.get("on") in pages.PLACES and file is not (block.language in pages.COMMANDS),
            "skip": block.words.get("skip") in pages.REASONS and not file,
            "as": block.sort in pages.SORTS and block.language not in pages.COMMANDS and not file,
        }
        assert sum(given.values()) == 1, f"{where}: on=, skip= or as=, one of what tests/pages.py lists"


def of(sort: str) -> list[pages.Block]:
    """Return the blocks of a sort, on all pages."""
    return [block for page in pages.PAGES for block in pages.blocks(page) if block.sort == sort]


def at(block: pages.Block) -> str:
    return f"{block.page}:{block.line}"


def test_every_sort_of_block_is_on_a_page() -> None:
    assert {sort for sort in pages.SORTS if not of(sort)} <= {"figures"}  # `make benchmark` adds them


@pytest.mark.parametrize("block", of("configuration"), ids=at)
def test_the_program_reads_every_configuration_on_a_page(block: pages.Block) -> None:
    parse.parse(block.text, at(block))


ROLE = CHECKOUT / "ansible/roles/provisioner/meta/argument_specs.yml"


@pytest.mark.parametrize("block", of("variables"), ids=at)
def test_the_role_knows_every_variable_on_a_page(block: pages.Block) -> None:
    known = yaml.safe_load(ROLE.read_text())["argument_specs"]["main"]["options"]
    found = yaml.safe_load(block.text)
    assert set(found) <= set(known)
    parse.parse(json.dumps(found.get("provisioner_config", {})), at(block))


@pytest.mark.parametrize("block", of("play"), ids=at)
def test_a_play_on_a_page_uses_the_collection_or_ansible_s_own_modules(block: pages.Block) -> None:
    for entry in yaml.safe_load(block.text):
        roles = [role["role"] for role in entry.get("roles", ())]
        named = [*roles, *(key for task in (entry, *entry.get("tasks", ())) for key in task if "." in key)]
        assert named
        for full in named:
            space, collection, short = full.split(".")
            ours = (space, collection) == ("provisioner", "docker")
            folder = CHECKOUT / "ansible" / ("roles" if full in roles else "plugins/modules")
            assert (folder / short).exists() or (folder / f"{short}.py").exists() if ours else space == "ansible"
        for role in entry.get("roles", ()):
            options = yaml.safe_load(ROLE.read_text())["argument_specs"]["main"]["options"]
            assert set(role) - {"role"} <= set(options)
            parse.parse(json.dumps(role.get("provisioner_config", {})), at(block))


@pytest.mark.parametrize("block", [*of("forge"), *of("daemon")], ids=at)
def test_a_parser_takes_what_other_programs_read(block: pages.Block) -> None:
    readers: dict[str, Callable[[str], object]] = {
        "yaml": yaml.safe_load,
        "toml": tomllib.loads,
        "json": json.loads,
    }
    assert readers[block.language](block.text)


def test_a_list_of_the_commands_on_a_page_has_every_command() -> None:
    for block in of("list"):
        rows = re.findall(r"^provisioner ((?:\w+ \| )?\w+)", block.text, re.MULTILINE)
        assert {command for row in rows for command in row.split(" | ")} == set(commandline.COMMANDS)


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
    text = (CHECKOUT / "README.md").read_text()
    assert len(text.splitlines()) <= LINES
    assert len(re.sub(r"\]\([^)]*\)", "]", text)) <= CHARACTERS  # nobody sees where a link leads


def test_no_code_of_the_readme_has_to_be_scrolled() -> None:
    for block in pages.blocks(CHECKOUT / "README.md"):
        assert max(map(len, block.text.splitlines())) <= WIDTH, block.text


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
    heads = re.findall(r"^(\|.*\|)\n\|[-:| ]+\|$", pages.prose(page), re.MULTILINE)
    assert [head for head in heads if re.search(r"\|\s*\|", head)] == []
