"""The website: every link leads somewhere, and in a real Chromium it fits, can be read and needs no script."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.cli import commandline, options
from release import reference, site

pytest.importorskip("selenium")
from selenium import webdriver

from tests.helpers import browser

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]  # a browser is no unit, and takes as long as a host does
WIDTHS = (390, 820, 1440)
WHOLE = ("index", "errors", "command-line", "cloud-init", "how-images-work")  # around its text, a page is the theme's
WIDER = "return document.documentElement.scrollWidth - window.innerWidth"
CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
UNSEEN = "return [...document.images].filter(i => !i.complete || !i.naturalWidth || !i.alt).map(i => i.src)"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)  # which fails where a link leads nowhere
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    if browser.missing():
        pytest.skip(browser.PACKAGES)
    with browser.start() as opened:
        yield opened


def pages(built: Path) -> list[Path]:
    """Every page that people read; Sphinx makes more, which find words."""
    return [page for page in sorted(built.glob("*.html")) if page.stem not in ("genindex", "search")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_every_width_and_axe_finds_no_fault(
    built: Path, chromium: webdriver.Chrome, scheme: str
) -> None:
    found: dict[str, object] = {}
    for page in (page for page in pages(built) if scheme == "light" or page.stem in WHOLE):
        browser.show(chromium, page, WIDTHS[0], scheme)
        for width in WIDTHS:
            browser.resize(chromium, width)
            if chromium.execute_script(WIDER) > 0:
                found[f"{page.stem} at {width}"] = ["wider than the window"]
        if unseen := chromium.execute_script(UNSEEN):
            found[f"{page.stem}'s pictures"] = unseen
        if faults := browser.faults(chromium, "html" if page.stem in WHOLE else "article"):
            found[page.stem] = faults
    assert found == {}, json.dumps(found, indent=1)


def test_a_page_can_be_read_without_scripts(built: Path, chromium: webdriver.Chrome) -> None:
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.show(chromium, built / "errors.html", 1440, "light")
    assert chromium.find_element("tag name", "h1").text.startswith("Errors and cures")
    assert chromium.find_element("link text", "Commands and exit statuses").is_displayed()


def test_what_people_read_and_copy_is_what_was_written(built: Path) -> None:
    """A stray ` or *, a tag that ate a <word>, and a dash made of the -- of an option are mistakes of a page."""
    left = {"`", "**", "](", "\u2013"}
    for page in pages(built):
        [text] = re.findall(r"<article.*?</article>", page.read_text(), re.DOTALL)
        for line in re.sub(r"<[^>]+>", "", CODE.sub("", text)).splitlines():
            assert not any(sign in line for sign in left), f"{page.name}: {line}"
    for name, text in reference.pages().items():
        assert not re.search(r"(?<!\\)<\w", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)), name


def test_every_error_has_a_heading_that_can_be_linked_to(built: Path) -> None:
    text = (built / "errors.html").read_text()
    for anchor in ("exec-format-error", "multi-platform-build-is-not-supported-for-the-docker-driver"):
        assert f'id="{anchor}"' in text


def test_no_page_needs_another_server(built: Path) -> None:
    for page in pages(built):
        loaded = re.findall(r'<(?:script|img|link)[^>]* (?:src|href)="(https?:[^"]*)"', page.read_text())
        assert loaded == [], page.name


def test_the_reference_has_every_command_option_metric_and_unit() -> None:
    made = reference.pages()
    for name in commandline.COMMANDS:
        assert f"## provisioner {name}\n" in made["command-line"]
        for argument in options.of(name):
            named = argument.name if argument.name.startswith("--") else argument.settings.get("metavar", "MESSAGE")
            assert f"`{named}".replace("|", r"\|") in made["command-line"]
    assert "| `provisioner_platform_info` | built_on, platform, qemu_version, runs, source |" in made["metrics"]
    assert "| `provisioner-check.service` |" in made["units"]
    assert "## check\n" in made["documents"]
