"""The blocks of code on the pages for people. Each says which test runs or reads it, or why no test does.

A Markdown parser finds them, so none escapes by its place or its fence. A block's first word is its language. The words
after it are for the tests, and readers never see them:

``on=HOST``     the host on which tests/host/test_pages.py, or another test of PLACES, runs the block
``skip=REASON`` no test runs it, for one of REASONS
``status=N``    the exit status of its last command, if that is not 0
``file=PATH``   the block is the content of this file, on the host
``as=SORT``     the block is no command: a test reads it as one of SORTS
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt  # the parser of the website's generator

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for folder in (".github", "ansible", "docs", "systemd") for page in (ROOT / folder).rglob("*.md")),
    ]
)
COMMANDS = ("sh", "console")
PROMPT = re.compile(r"[#$] ")

# Where blocks run, and the test that runs them there.
PLACES = {
    "laptop": "a Debian 13 host with Docker: tests/host/test_pages.py",
    "arm": "a second host: tests/host/test_pages.py",
    "isolated": "a host that reaches no registry: tests/host/test_pages.py",
    "controller": "a host with Ansible: tests/host/test_pages.py",
    "cloud": "a host with cloud-init: tests/host/test_cloud.py",
    "deb": "a fresh Debian host: tests/host/test_packages.py",
    "rpm": "a fresh host with dnf: tests/host/test_packages.py",
    "pip": "a fresh Debian host: tests/host/test_packages.py",
    "one-file": "a fresh Debian host: tests/host/test_packages.py",
    "sources": "a fresh Debian host: tests/host/test_packages.py",
    "checkout": "the sources: `make check`, `make packages` and their tests",
}
REASONS = {
    "alternative": "another way to do what the page's other blocks do",
    "cluster": "it needs kubectl and a cluster with several contexts",
    "forge": "it needs a server of GitHub, GitLab or Jenkins",
    "index": "it needs the Python Package Index, or Ansible Galaxy with a release of ours",
    "readers": "it needs the reader's own file, message or registry",
    "release": "it needs a published release",
    "same": "the same commands run in another block",
}
# Blocks that are no commands, by the word as=: what a test of tests/test_docs.py does with them.
SORTS = {
    "configuration": "the program reads it, as provisioner.yaml",
    "variables": "the role knows every variable, and the program reads provisioner_config",
    "play": "it is YAML, and every module and role in it is one of the collection, or Ansible's own",
    "forge": "it is YAML or TOML of a CI system, whose parser takes it",
    "daemon": "it is JSON",
    "picture": "a drawing of text",
    "list": "it names every command",
    "source": "tests/test_contributing.py makes files of it",
    "contents": "the website's build reads it",
    "figures": "what a benchmark has printed",
}
# Languages and pages whose blocks need no word, because all of them are of one sort.
IMPLIED = {"{toctree}": "contents", "python": "source"}
INDENTED = "indented"
# The page is made from the table that `explain` uses. tests/host/test_explain.py does what the table says.
MADE = ("docs/explain.md",)


class Block(NamedTuple):
    """A fenced block: where it is, its language, the words for the tests, and its text."""

    page: str
    line: int
    language: str
    words: dict[str, str]
    text: str

    @property
    def sort(self) -> str:
        """What the block is, if it is no command and no file of a host."""
        return self.words.get("as") or IMPLIED.get(self.language, "")

    @property
    def commands(self) -> str:
        """What a shell gets: the block, or what a session shows after its prompts."""
        if self.language in ("sh", INDENTED):
            return self.text
        return "".join(line[2:] for line in self.text.splitlines(keepends=True) if PROMPT.match(line))

    @property
    def answer(self) -> re.Pattern[str]:
        """A pattern for the output that a session shows. The sign … stands for anything."""
        if self.language == "sh":
            return re.compile("")
        lines = [line.strip() for line in self.text.splitlines() if not PROMPT.match(line)]
        return re.compile(".*".join(re.escape(line).replace("…", ".*") for line in lines), re.DOTALL)


def blocks(path: Path) -> Iterator[Block]:
    """Yield every block of code of a page: between fences, or indented."""
    name = str(path.relative_to(ROOT))
    for token in MarkdownIt().parse(path.read_text()):
        if token.type in ("fence", "code_block"):
            language, *words = token.info.split() or [INDENTED if token.type == "code_block" else ""]
            pairs = dict(word.split("=", 1) for word in words if "=" in word)
            yield Block(name, (token.map or [0])[0] + 1, language, pairs, token.content)


def prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    text = path.read_text()
    lines: list[str] = text.splitlines(keepends=True)
    for token in MarkdownIt().parse(text):
        if token.map and token.type in ("fence", "code_block"):
            lines[slice(*token.map)] = [""] * (token.map[1] - token.map[0])
    return "".join(lines)


def commands() -> Iterator[Block]:
    """Yield every block of commands on every page."""
    yield from (block for page in PAGES for block in blocks(page) if block.language in COMMANDS)


def script(page: str, place: str) -> str:
    """Return all commands of a page that run in one place, as one shell script."""
    return "".join(b.commands for b in blocks(ROOT / page) if b.words.get("on") == place)


def listing() -> str:
    """Return what is run and where, and what is not run and why, with numbers."""
    found = list(commands())
    run = [block for block in found if "on" in block.words]
    lines = [f"{len(found)} blocks of commands on {len(PAGES)} pages: {len(run)} run, {len(found) - len(run)} do not"]
    for key, table in (("on", PLACES), ("skip", REASONS)):
        for name, meaning in table.items():
            of = [f"{block.page}:{block.line}" for block in found if block.words.get(key) == name]
            lines += [f"{len(of):4} {key}={name} ({meaning}): {', '.join(of)}"] if of else []
    return "\n".join(lines)


if __name__ == "__main__":
    print(listing())
