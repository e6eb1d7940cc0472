"""One result, in every format."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provisioner.checks import formats, nagios, schemas
from tests.cases.results import DRIFT, HELD, OWN, PLATFORM, UNKNOWN, failed, result

SCHEMA = schemas.document("check")
HOLD = {"reason": "release week", "until": "2020-12-01T00:00:00Z", "since": "2020-11-22T00:00:00Z", "by": "ada"}
RESULTS: dict[str, dict[str, Any]] = {
    "in sync": result(),
    "drift": result(DRIFT),
    "held": result(HELD),
    "unknown": result(unknown=(UNKNOWN,)),
    "cut off": result(status="interrupted", exit_status=2, interrupted=3),
    "failed": failed(),
    "all": result(DRIFT, HELD, unknown=(UNKNOWN,), hold=HOLD, interrupted=3, status="interrupted"),
}


def said(name: str, kind: str, *, colour: bool = False) -> str:
    return formats.FORMATS[kind](RESULTS[name], colour)


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_is_as_the_schema_has_it(name: str) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(said(name, "json")))


def test_the_schema_refuses_what_is_none() -> None:
    for broken in ({**result(), "status": "fine"}, {**result(), "time": "today"}, result({**DRIFT, "cause": "aliens"})):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(broken)


def test_text_names_the_difference_its_cause_its_age_and_what_holds_it() -> None:
    assert said("all", "text").splitlines() == [
        "apply 3 was cut off: `provisioner rollback` undoes it, and so does the next apply",
        "emulators: linux/arm64: not registered; wanted: runs (changed on the host, since 2020-11-20T08:00:00Z)",
        "image store: in effect: overlay2; wanted: containerd (new in the configuration)",
        "builder: registered is unknown: /root/.docker: this user may not read it",
        "blocked: the switch would hide 3 images (image store: in effect)",
        "  hint: save them",
        "applies are held until 2020-12-01T00:00:00Z: release week (ada)",
    ]
    assert said("in sync", "text") == "in sync"
    assert said("cut off", "text").splitlines() == said("all", "text").splitlines()[:1]


def test_colour_is_only_decoration_and_never_comes_from_a_result() -> None:
    coloured = said("all", "text", colour=True)
    assert "\033[31m" in coloured
    assert [line.split("m", 1)[1].removesuffix("\033[0m") for line in coloured.splitlines()] == said(
        "all", "text"
    ).splitlines()
    hostile = formats.FORMATS["text"](result({**DRIFT, "have": "\033[2J\u202egone\n"}), False)
    assert "\033" not in hostile
    assert "\u202e" not in hostile
    assert "\n" not in hostile


@pytest.mark.parametrize(
    ("name", "status", "start"),
    [
        ("in sync", 0, "PROVISIONER OK - in sync | drifted=0;;0 unknown=0;0 time=0.031s"),
        ("held", 1, "PROVISIONER WARNING - image store: in effect: overlay2 | drifted=1"),
        ("cut off", 2, "PROVISIONER CRITICAL - apply 3 was cut off |"),
        (
            "failed",
            2,
            "PROVISIONER CRITICAL - Docker is not running (nothing listens on /var/run/docker.sock) (since 2020",
        ),
        ("drift", 2, "PROVISIONER CRITICAL - emulators: linux/arm64: not registered | "),
        ("unknown", 3, "PROVISIONER UNKNOWN - builder: registered is unknown | "),
        ("all", 2, "PROVISIONER CRITICAL - "),
    ],
)
def test_nagios_says_one_line_and_its_own_statuses(name: str, status: int, start: str) -> None:
    assert nagios.status(RESULTS[name]) == status
    assert said(name, "nagios").startswith(start)
    assert said(name, "nagios").count("\n") == 0
    assert formats.FORMATS["nagios"](result({**DRIFT, "have": "a|b\nc"}), False).count("|") == 1


def test_junit_counts_and_stays_xml_whatever_is_in_it() -> None:
    suite = ElementTree.fromstring(said("all", "junit"))[0]  # noqa: S314  # our own
    assert {k: suite.get(k) for k in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "build-1",
        "tests": "5",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }
    [cut] = ElementTree.fromstring(said("cut off", "junit")).iter("failure")  # noqa: S314
    assert str(cut.get("message")).startswith("it was cut off")
    hostile = result({**DRIFT, "have": 'a\x00\x1b"<>&\ud800\uffff]]>', "key": "<x>"}, name="</testsuite>")
    case = ElementTree.fromstring(formats.FORMATS["junit"](hostile, False))[0][1]  # noqa: S314
    assert (case.get("name"), case[0].tag) == ("<x>", "failure")


@pytest.mark.parametrize("name", RESULTS)
def test_promtool_finds_nothing_wrong_with_the_metrics(name: str) -> None:
    pytest.importorskip("prometheus_client")
    if not (tool := shutil.which("promtool")):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    text = said(name, "prometheus") + "\n"
    ran = subprocess.run((tool, "check", "metrics"), input=text, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(("code", "owed"), [("restart-busy", "1.0"), ("restart-policy", "0.0"), ("would-hide", "0.0")])
def test_only_the_codes_of_a_forbidden_restart_are_one_that_is_owed(code: str, owed: str) -> None:
    pytest.importorskip("prometheus_client")
    found = result({**HELD, "blocked": {**HELD["blocked"], "code": code}})
    lines = formats.FORMATS["prometheus"](found, False).splitlines()
    assert f'provisioner_restart_owed{{resource="image_store"}} {owed}' in lines


def test_metrics_tell_the_same_story_in_bounded_labels() -> None:
    pytest.importorskip("prometheus_client")
    lines = [line for line in said("all", "prometheus").splitlines() if not line.startswith("#")]
    values = dict(line.rsplit(" ", 1) for line in lines)
    assert values['provisioner_drifted_keys{resource="emulators"}'] == "1.0"
    assert values['provisioner_blocked_keys{resource="image_store"}'] == "1.0"
    assert values['provisioner_restart_required{resource="image_store"}'] == "1.0"
    assert values['provisioner_unknown_keys{resource="builder"}'] == "1.0"
    assert values['provisioner_platform_ready{platform="linux/arm64"}'] == "0.0"
    assert values['provisioner_platform_ready{platform="linux/s390x"}'] == "1.0"
    assert float(values["provisioner_check_timestamp_seconds"]) == 1606125600
    assert "build-1" not in "".join(lines)
    assert values["provisioner_check_success"] == "1.0"
    assert values['provisioner_check_status{status="interrupted"}'] == "1.0"
    how = 'built_on="",platform="linux/s390x",qemu_version="10.0.4",runs="emulated",source="image"'
    assert values[f"provisioner_platform_info{{{how}}}"] == "1.0"
    node = 'buildkit_version="v0.34.2",driver="docker-container",node="container-builder0"'
    assert values[f"provisioner_builder_info{{{node}}}"] == "1.0"


def test_a_host_has_as_many_series_as_the_page_about_scale_computes_with() -> None:
    pytest.importorskip("prometheus_client")
    two = [OWN, {**PLATFORM, "platform": "linux/arm64"}]
    wanted = [{"resource": "emulators", "key": "linux/arm64", "want": "runs"}]
    lines = formats.FORMATS["prometheus"](result(platforms=two, as_wanted=wanted), False).splitlines()
    count = sum(1 for line in lines if not line.startswith("#"))
    page = (Path(__file__).parents[2] / "docs/scale.md").read_text()
    assert f"series of one host with two platforms | {count} |" in page
    assert f"series of all hosts | {count * 10_000:,} |" in page


def test_metrics_tell_that_what_apply_would_do_is_unknown() -> None:
    pytest.importorskip("prometheus_client")
    unknown = {**UNKNOWN, "resource": "apply", "key": "plan"}
    lines = formats.FORMATS["prometheus"](result(unknown=(unknown,)), False).splitlines()
    assert 'provisioner_unknown_keys{resource="apply"} 1.0' in lines
    assert 'provisioner_unknown_keys{resource="builder"} 0.0' in lines


def test_metrics_of_a_check_that_failed_say_so_and_nothing_that_is_no_longer_known() -> None:
    pytest.importorskip("prometheus_client")
    lines = [line for line in said("failed", "prometheus").splitlines() if not line.startswith("#")]
    values = dict(line.rsplit(" ", 1) for line in lines)
    assert values["provisioner_check_success"] == "0.0"
    assert values['provisioner_check_failure{reason="engine-stopped"}'] == "1.0"
    assert float(values["provisioner_check_failing_since_timestamp_seconds"]) == 1606118400
    assert not [line for line in lines if "platform_ready" in line or "drifted_keys" in line]


def test_junit_has_an_error_for_a_check_that_failed() -> None:
    (suite,) = ElementTree.fromstring(said("failed", "junit"))  # noqa: S314  # our own
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    (error,) = suite.iter("error")
    assert "engine-stopped" in str(error.text)
