"""The website: every link leads somewhere, and in a real Chromium it fits, can be read and needs no script."""

import importlib.resources
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from release import site

pytest.importorskip("selenium")
from selenium import webdriver

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]  # a browser is no unit, and takes as long as a host does
WIDTHS = (390, 820, 1440)
PAGES = ("index", "first-image", "errors", "configuration", "comparison")
RUN = "const done = arguments[arguments.length - 1]; axe.run().then(done, done)"
WIDER = "return document.documentElement.scrollWidth - window.innerWidth"
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)  # which fails where a link leads nowhere
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in OPTIONS:
        options.add_argument(option)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as opened:
        yield opened


def show(chromium: webdriver.Chrome, page: Path, width: int, scheme: str) -> None:
    """Open a page at a width, in light or dark."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    chromium.get(page.as_uri())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_width_and_axe_finds_no_fault(built: Path, chromium: webdriver.Chrome, name: str) -> None:
    axe = (importlib.resources.files("axe_core_python") / "axe.min.js").read_text()
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            show(chromium, built / f"{name}.html", width, scheme)
            assert chromium.execute_script(WIDER) <= 0, f"{name} is wider than {width}"
        chromium.execute_script(axe)
        found = chromium.execute_async_script(RUN)
        faults = [(f["id"], [n["html"][:200] for n in f["nodes"]][:3]) for f in found["violations"]]
        assert faults == [], json.dumps(faults, indent=1)


def test_a_page_can_be_read_without_scripts(built: Path, chromium: webdriver.Chrome) -> None:
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    show(chromium, built / "errors.html", 1440, "light")
    assert chromium.find_element("tag name", "h1").text.startswith("Errors and cures")
    assert chromium.find_element("link text", "Commands and exit statuses").is_displayed()


def test_every_error_has_a_heading_that_can_be_linked_to(built: Path) -> None:
    text = (built / "errors.html").read_text()
    for anchor in ("exec-format-error", "multi-platform-build-is-not-supported-for-the-docker-driver"):
        assert f'id="{anchor}"' in text
