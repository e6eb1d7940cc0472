"""The pages for people: links lead somewhere, commands are the program's, and the project has one address."""

import re
import shlex
from pathlib import Path

import pytest

from provisioner.cli import commandline, parsers
from release import layout
from tests.hosts.agent import CHECKOUT

PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|&& |; )(?:sudo )?(?:\S*/)?(provisioner(?: .*?)?)(?= && |;| > |\s{2,}| \||$)", re.MULTILINE)
LINES = 80  # a screen and a half


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def anchors(page: Path) -> set[str]:
    """Return what headings of a page can be linked to, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading_that_there_is(page: Path) -> None:
    for target, anchor in LINK.findall(FENCE.sub("", page.read_text())):
        if target.startswith(("http://", "https://")):
            continue
        found = page if not target else (page.parent / target)
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "design.md"], ids=name)  # which has a synopsis
def test_every_command_of_ours_on_a_page_can_be_typed(page: Path) -> None:
    for block in FENCE.findall(page.read_text()):
        for call in CALL.findall(block):
            words = shlex.split(call)[1:]
            if not words or words[0] not in commandline.COMMANDS or "…" in call or "..." in call:
                continue
            read = parsers.parse(commandline.COMMANDS, [word for word in words if word != "\\"])
            assert read.command == words[0]


def test_the_readme_takes_a_screen_and_a_half() -> None:
    assert len((CHECKOUT / "README.md").read_text().splitlines()) <= LINES


def test_the_project_has_one_address() -> None:
    owner = layout.url().rsplit("/", 2)[1]
    suffixes = (".md", ".yml", ".yaml", ".toml", ".json", ".py")
    tree = [p for p in CHECKOUT.rglob("*") if p.suffix in suffixes and ".venv" not in p.parts and ".git" not in p.parts]
    for path in tree:
        for found in re.findall(r"github\.com/([\w-]+)/provisioner\b", path.read_text(errors="replace")):
            assert found == owner, path
