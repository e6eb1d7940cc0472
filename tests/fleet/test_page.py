"""The fleet's page in a real Chromium, opened from disk."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.report import results
from provisioner.fleet import report
from tests.cases.results import BUILT_BY_TWO, DRIFT, HELD, ON_A_NODE, OWN, PLATFORM, UNKNOWN, failed, result

pytest.importorskip("selenium")
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.helpers import browser

pytestmark = pytest.mark.host  # a browser is no unit, and takes as long as a host does

MANY = 50_000
SECOND = 1.0
WIDER = "return document.documentElement.scrollWidth - window.innerWidth"
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202e\0"


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    """One browser for all tests."""
    if browser.missing():
        pytest.skip(browser.PACKAGES)
    with browser.start() as opened:
        yield opened


def page(into: Path, *found: dict[str, object], extra: str = "") -> str:
    """The address of a page of these results."""
    (into / "results").write_text("\n".join(map(json.dumps, found)) + "\n" + extra)
    (into / "page.html").write_text(report([str(into / "results")], "html", 9999 * 86400, None))
    return (into / "page.html").as_uri()


def names(chromium: webdriver.Chrome) -> list[str]:
    """The hosts that the matrix shows."""
    return [e.text for e in chromium.find_elements("css selector", "#matrix tbody th button")]


def log(chromium: webdriver.Chrome, kind: str) -> list[dict[str, str]]:
    """What the browser has logged since it was last asked."""
    found: list[dict[str, str]] = chromium.get_log(kind)  # type: ignore[no-untyped-call]  # selenium has no type for it
    return found


def status(chromium: webdriver.Chrome) -> str:
    return chromium.find_element("id", "status").text


def button(chromium: webdriver.Chrome, text: str) -> None:
    """Click the button whose words are these."""
    found = [b for b in chromium.find_elements("tag name", "button") if b.text.replace("\n", " ") == text]
    assert len(found) == 1, [b.text for b in found]
    found[0].click()


@pytest.mark.parametrize("name", ["cause", "hold", "build"])
@pytest.mark.parametrize("value", ["length", "-1", "1e0", "999999999999", "constructor"])
def test_an_address_that_names_no_row_shows_every_host(
    chromium: webdriver.Chrome, tmp_path: Path, name: str, value: str
) -> None:
    log(chromium, "browser")
    chromium.get(f"{page(tmp_path, result(DRIFT, name='a'), result(name='b'))}#{name}={value}")
    assert chromium.execute_script(f"return view.{name}") == -1
    assert names(chromium) == ["a", "b"]
    assert log(chromium, "browser") == []


def test_a_small_fleet_is_filtered_sorted_and_opened_with_mouse_and_keys(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    chromium.get(
        page(
            tmp_path,
            result(name="build-1"),
            result(DRIFT, name="build-2"),
            result(HELD, name="build-3"),
            result(unknown=(UNKNOWN,), name="edge-4"),
            extra="{\n",
        )
    )
    assert names(chromium) == ["build-2", "build-3", "edge-4", "build-1"]
    button(chromium, "1 ≠ drift")
    assert (names(chromium), status(chromium)) == (["build-2"], "1 of 4 hosts")
    assert chromium.current_url.endswith("#state=drift")
    button(chromium, "1 ≠ drift")
    button(chromium, "Host")
    assert names(chromium) == ["build-1", "build-2", "build-3", "edge-4"]
    button(chromium, "Host ↑")
    assert names(chromium) == ["edge-4", "build-3", "build-2", "build-1"]
    search = chromium.find_element("id", "search")
    search.send_keys("BUILD")
    assert names(chromium) == ["build-3", "build-2", "build-1"]
    chromium.find_element("id", "restarts").click()
    assert names(chromium) == ["build-3"]
    button(chromium, "Show all")
    button(chromium, "emulators: linux/arm64")
    assert names(chromium) == ["build-2"]
    assert status(chromium).startswith("1 of 4 hosts, only those where emulators: linux/arm64: not registered")
    assert [row.text[:1] for row in chromium.find_elements("css selector", "#causes .chosen")] == ["≠"]
    search.send_keys("nobody")
    assert chromium.find_element("css selector", "#matrix tbody").text == "No host is like that."
    search.send_keys(Keys.BACKSPACE * 6)
    host = chromium.find_element("css selector", "#matrix tbody th button")
    host.send_keys(Keys.ENTER)
    assert host.get_attribute("aria-expanded") == "true"
    assert "not registered; wanted: runs (changed on the host" in chromium.find_element("css selector", ".more").text
    host.send_keys(Keys.SPACE)
    assert not chromium.find_elements("css selector", ".more")
    chromium.find_element("css selector", "#problems summary").click()
    assert "results:5" in chromium.find_element("id", "problems").text


def test_it_can_be_used_without_seeing_it(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    chromium.get(page(tmp_path, result(DRIFT)))
    said = chromium.execute_script("""
        const named = (e) => (e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label"));
        return {
          lang: document.documentElement.lang,
          nameless: [...document.querySelectorAll("button, input, select")].filter((e) => !named(e)).length,
          scopeless: [...document.querySelectorAll("th")].filter((e) => !e.scope).length,
          sort: [...document.querySelectorAll("#matrix th[aria-sort]")].length,
          status: document.getElementById("status").getAttribute("role"),
          levels: [...document.querySelectorAll("h1, h2")].map((e) => e.tagName).join(" "),
        }""")
    assert said == {
        "lang": "en",
        "nameless": 0,
        "scopeless": 0,
        "sort": 10,
        "status": "status",
        "levels": "H1 H2 H2 H2 H2 H2",
    }
    chromium.find_element("tag name", "body").send_keys(Keys.TAB)
    assert chromium.switch_to.active_element.text == "Skip to the hosts"


HOSTS = {
    "none": (),
    "few": (
        result(DRIFT),
        result(HELD, name="b"),
        result(unknown=(UNKNOWN,), name="c", hold={"reason": "release", "until": "2030-01-01T00:00:00Z"}),
        failed(name="d"),
        result(name="e", interrupted=4, status="interrupted"),
        result(name="f", platforms=[OWN, ON_A_NODE], builder=BUILT_BY_TWO),
    ),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("number", HOSTS)
def test_axe_finds_no_fault_at_any_width(chromium: webdriver.Chrome, tmp_path: Path, number: str, scheme: str) -> None:
    (tmp_path / ("w" * 200)).mkdir()
    page(tmp_path / ("w" * 200), *HOSTS[number], extra="{\n")  # a problem's place is one long word
    where = tmp_path / ("w" * 200) / "page.html"
    for width in (390, 1024, 1920):
        browser.show(chromium, where, width, scheme)
        for button in chromium.find_elements("css selector", "#matrix tbody th button, #problems summary"):
            button.click()
        assert browser.faults(chromium) == [], width
        assert chromium.execute_script(WIDER) <= 0, width
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_words_stay_whole_and_the_page_no_wider_than_its_window(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    endless = {**DRIFT, "have": "x" * 5000, "key": "y" * 5000}
    chromium.get(page(tmp_path, result(DRIFT), result(endless, name="z" * 5000)))
    for width in (400, 1400):
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wide, lines = chromium.execute_script("""
            const cell = [...document.querySelectorAll("td")].find((e) => e.textContent === "28.5.2");
            const range = document.createRange();
            range.selectNodeContents(cell);
            return [document.documentElement.scrollWidth, range.getClientRects().length]""")
        assert wide <= width
        assert lines <= 2
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_fleet_without_a_result_is_not_said_to_be_as_wanted(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    chromium.get(page(tmp_path, extra="{\n"))
    assert chromium.find_element("id", "fine").text == "No host has a result."
    assert chromium.find_element("css selector", "#matrix tbody").text == "No host has a result."


SEARCH = "const field = document.getElementById('search'); field.value = '{}'; field.dispatchEvent(new Event('input'))"
ACTS = {
    "search": SEARCH.format("ci-04"),
    "all": SEARCH.format(""),
    "sort": "document.querySelector('[data-sort=time]').click()",
    "state": "document.querySelector('#states button').click()",
    "next": "document.getElementById('next').click()",
}


def worked(chromium: webdriver.Chrome) -> float:
    """The seconds that the page's thread has computed."""
    metrics = chromium.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def test_hostile_names_are_text_and_nothing_leaves_the_disk(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    log(chromium, "performance")
    bad = {**DRIFT, "have": HOSTILE, "key": HOSTILE, "resource": HOSTILE, "cause": HOSTILE}
    chromium.get(page(tmp_path, result(bad, name=HOSTILE), extra=f"{HOSTILE}\n"))
    shown = names(chromium)
    assert len(shown) == 1
    assert shown[0].startswith("</script><script>")
    assert "\u202e" not in chromium.page_source
    chromium.find_element("css selector", "#matrix tbody th button").click()
    assert chromium.title == "provisioner: the fleet"
    assert not chromium.find_elements("tag name", "img")
    assert [e for e in log(chromium, "browser") if e["level"] == "SEVERE"] == []
    events = [json.loads(entry["message"])["message"] for entry in log(chromium, "performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url.split(":")[0] for url in asked} == {"file"}


def test_fifty_thousand_hosts_open_and_filter_in_a_second(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    """Of the processor's time, not of the clock's: what else the machine does is no fault of the page."""
    (tmp_path / "results").write_text("\n".join(map(json.dumps, results(MANY, datetime.now(UTC)))))
    (tmp_path / "page.html").write_text(report([str(tmp_path / "results")], "html", 172800, None))
    chromium.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    chromium.get((tmp_path / "page.html").as_uri())
    times = {"open": worked(chromium)}
    for name, act in ACTS.items():
        before = worked(chromium)
        chromium.execute_script(f"{act}; document.body.offsetHeight")
        times[name] = worked(chromium) - before
    assert 0 < max(times.values()) < SECOND, times
    assert len(names(chromium)) == 100
    button(chromium, "Show all")
    assert status(chromium) == "50,000 of 50,000 hosts"


def test_holds_and_a_qemu_that_breaks_programs_are_causes_and_filters(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    old = {**PLATFORM, "platform": "linux/arm64", "emulator": {**PLATFORM["emulator"], "tag": "x", "version": "9.2.0"}}
    held = {"reason": "release week", "until": "2030-01-01T00:00:00Z", "since": "2020-01-01T00:00:00Z", "by": "root"}
    chromium.get(page(tmp_path, result(name="a", hold=held), result(name="b", platforms=[old]), result(name="c")))
    rows = [row.text.split()[1] for row in chromium.find_elements("css selector", "#causes tbody tr")]
    assert rows == ["hold", "warning", "warning"]
    button(chromium, "applies are held until 2030-01-01T00:00:00Z: release week")
    assert names(chromium) == ["a"]
    button(chromium, "QEMU 9.2.0 for linux/arm64 kills ldconfig and Node.js of some images with signal 11")
    assert names(chromium) == ["b"]
    chromium.refresh()  # the address holds the filter
    assert names(chromium) == ["b"]
    chromium.find_element("css selector", "#matrix tbody th button").click()
    more = chromium.find_element("css selector", ".more").text
    assert "emulated by QEMU 9.2.0 from image x" in more
    assert "node container-builder0: BuildKit v0.34.2" in more
    assert "v0.34.2: 3" in chromium.find_element("id", "versions").text


def test_what_is_missing_failed_or_cut_off_comes_first_and_never_as_wanted(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    found = (result(DRIFT, name="a"), failed(name="b"), result(name="c", interrupted=4, status="interrupted"))
    (tmp_path / "expected").write_text("a\nb\nc\nghost\n")
    page(tmp_path, *found)
    told = report([str(tmp_path / "results")], "html", 9999 * 86400, str(tmp_path / "expected"))
    (tmp_path / "page.html").write_text(told)
    chromium.get((tmp_path / "page.html").as_uri())
    rows = [row.text for row in chromium.find_elements("css selector", "#causes tbody tr")]
    assert [row.split()[1] for row in rows] == ["missing", "failed", "cut", "drift"]
    assert "systemctl start docker" in rows[1]
    assert names(chromium) == ["b", "c", "a"]
    assert not chromium.find_element("id", "fine").is_displayed()
    button(chromium, "Docker is not running (nothing listens on /var/run/docker.sock)")
    assert names(chromium) == ["b"]
    chromium.get(chromium.current_url)  # the address holds the filter
    chromium.refresh()
    assert names(chromium) == ["b"]
    chromium.find_element("css selector", "#causes tbody button").click()
    assert chromium.find_element("id", "names").get_attribute("value") == "ghost"


def test_who_builds_what_for_whom_is_a_table_and_a_filter(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    emulated = {**PLATFORM, "platform": "linux/arm64"}
    chromium.get(
        page(
            tmp_path,
            *(result(name=name, platforms=[OWN, ON_A_NODE], builder=BUILT_BY_TWO) for name in ("a", "b")),
            result(name="c", platforms=[OWN, emulated]),
            result(name="arm-1", platforms=[{**OWN, "platform": "linux/arm64"}]),
            *(result(name=f"d{i}", platforms=[{**PLATFORM, "platform": f"linux/odd{i:02}"}]) for i in range(10)),
        )
    )
    shown = [row.text for row in chromium.find_elements("css selector", "#builds tbody tr")]
    assert shown[:4] == [
        "linux/amd64 the host's own CPU 3",
        "linux/arm64 node native-arm-1 at ssh://native-arm-1 2",
        "linux/arm64 the host's own CPU 1",
        "linux/arm64 an emulator on the host 1",
    ]
    assert len(shown) == 12
    button(chromium, "Show all 14 rows")
    assert len(chromium.find_elements("css selector", "#builds tbody tr")) == 14
    button(chromium, "node native-arm-1 at ssh://native-arm-1")
    assert names(chromium) == ["a", "b"]
    assert status(chromium) == (
        "2 of 14 hosts, only those whose linux/arm64 is built by node native-arm-1 at ssh://native-arm-1"
    )
    chromium.refresh()  # the address holds the filter
    assert names(chromium) == ["a", "b"]
    assert [e.text[:11] for e in chromium.find_elements("css selector", "#builds .chosen")] == ["linux/arm64"]
    button(chromium, "Show all")
    assert len(names(chromium)) == 14
    chromium.get(page(tmp_path, extra="{\n"))
    assert not chromium.find_element("id", "builds").is_displayed()
