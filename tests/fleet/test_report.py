"""Many hosts' results: all of them counted, whatever they are."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import UsageError
from provisioner.fleet import failing, page, read, report, results, summary, summary_json, text
from provisioner.fleet.results import Host, Problem
from provisioner.fleet.summary import Fleet
from provisioner.host import streams
from tests.cases.results import (
    BUILT_BY_TWO,
    DRIFT,
    ERROR,
    HELD,
    ON_A_NODE,
    OWN,
    PLATFORM,
    UNKNOWN,
    failed,
    result,
    version_1,
)

NOW = 1606125600  # 2020-11-23T10:00:00Z, when the results were made
DAY = 86400


def fleet(*found: dict[str, Any], now: int = NOW, silent_after: int = 2 * DAY) -> Fleet:
    items = (results.result(json.dumps(f).encode(), f"place {i}") for i, f in enumerate(found))
    return Fleet(now, silent_after).add(items).close()


def summed(*sources: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report(list(sources), "json", 9999 * 86400, None))
    return found


def problems(*sources: str) -> dict[str, int]:
    return {p["kind"]: p["count"] for p in summed(*sources)["problems"]}


def test_every_host_is_in_one_state() -> None:
    interrupted = result(name="cut", interrupted=4)
    many = fleet(
        result(name="a"),
        result(DRIFT, name="b"),
        result(HELD, name="c"),
        result(unknown=(UNKNOWN,), name="d"),
        result(DRIFT, HELD, unknown=(UNKNOWN,), name="e"),
        result(DRIFT, name="f", time="2020-11-20T10:00:00Z"),
        interrupted,
        failed(name="down"),
    )
    ones = dict.fromkeys(("failed", "cut off", "blocked", "unknown", "silent", "in sync"), 1)
    assert many.states() == {**ones, "drift": 2}
    assert not many.problems


def test_a_host_with_several_engines_is_one_host() -> None:
    rows = [{"engine": f"unix:///run/{name}.sock", **DRIFT} for name in ("docker", "snap")]
    found = fleet(result(*rows, name="a"))
    assert [(f.key, n) for f, n, _ in found.findings()] == [("linux/arm64", 1)]
    assert "on 1 host since" in text.render(found)
    assert text.render(found).splitlines().count("  a") == 1


def test_findings_are_counted_with_their_oldest_age_and_alike_whatever_their_numbers() -> None:
    message = "the switch would hide 17 images"
    other = {**HELD, "blocked": {**HELD["blocked"], "message": message, "numbers": {"images": 17}}}
    younger = {**DRIFT, "since": "2020-11-22T08:00:00Z"}
    found = fleet(result(HELD, younger, name="a"), result(other, name="b"), result(DRIFT, name="c")).findings()
    assert {f.key: n for f, n, _ in found} == {"in effect": 2, "linux/arm64": 2}
    since = {f.key: s for f, _, s in found}
    assert text.moment(since["linux/arm64"]) == "2020-11-20 08:00"
    assert since["in effect"] == 0


BAD = {
    b"": read.EMPTY,
    b"\n": None,
    json.dumps(result()).encode()[:-20]: results.TRUNCATED,
    b"\xff\xfe\x00nonsense": results.TRUNCATED,
    b"[" * 100000: results.TRUNCATED,
    b"1" * 5000: results.TRUNCATED,
    b"null": results.FOREIGN,
    b'[{"command": "check"}]': results.FOREIGN,
    b'{"command": "terraform"}': results.FOREIGN,
    json.dumps({**result(), "schema_version": 0}).encode(): results.OLDER,
    json.dumps({**result(), "schema_version": 3}).encode(): results.NEWER,
    json.dumps({**result(), "schema_version": "1"}).encode(): results.MALFORMED,
    json.dumps({**result(), "differences": {}, "unknown": None}).encode(): results.MALFORMED,
    json.dumps({**result(), "time": "yesterday"}).encode(): results.MALFORMED,
    json.dumps({**result(), "time": "0000-00-00T00:00:00Z"}).encode(): results.MALFORMED,
    json.dumps({**result(), "time": "0001-01-01T00:00:00+14:00"}).encode(): results.MALFORMED,
    json.dumps(result({**DRIFT, "since": "9999-12-31T23:59:59-14:00"})).encode(): results.MALFORMED,
    json.dumps(result({**DRIFT, "have": {"a": 1}})).encode(): results.MALFORMED,
    json.dumps({**result(), "host": {"name": "", "id": None}}).encode(): results.MALFORMED,
    json.dumps({k: v for k, v in result().items() if k != "engine"}).encode(): results.MALFORMED,
    b'{"a": "' + b"x" * (streams.LINE + 10) + b'"}': read.LONG,
    b"{\n" + b' "x",\n' * (streams.LINE // 4): read.LONG,
}


@pytest.mark.parametrize(("content", "kind"), BAD.items(), ids=range(len(BAD)))
def test_what_is_no_result_is_counted_and_named_and_ends_nothing(
    tmp_path: Path, content: bytes, kind: str | None
) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    (tmp_path / "good.json").write_text(json.dumps(result(), indent=2))
    found = summed(str(tmp_path))
    assert found["hosts"] == 1
    assert [(p["kind"], p["count"]) for p in found["problems"]] == ([(kind, 1)] if kind else [])
    assert all(place.startswith(str(tmp_path / "bad.json")) for p in found["problems"] for place in p["places"])


def test_a_stream_goes_on_after_a_bad_line_and_says_which_it_was(tmp_path: Path) -> None:
    stream = tmp_path / "all.ndjson"
    lines = [json.dumps(result(name="a")), "{", '"' + "x" * (3 * streams.LINE) + '"', "", json.dumps(result(name="b"))]
    stream.write_text("\n".join(lines))
    found = summed(str(stream))
    assert found["hosts"] == 2
    assert {p["kind"]: p["places"] for p in found["problems"]} == {
        results.TRUNCATED: [f"{stream}:2"],
        read.LONG: [f"{stream}:3"],
    }


def test_a_page_or_a_list_beside_the_results_is_one_problem(tmp_path: Path) -> None:
    """The playbook `check` writes all three into one folder."""
    (tmp_path / "results.ndjson").write_text(json.dumps(result(name="a")))
    (tmp_path / "expected.txt").write_text("a\nb\n")
    (tmp_path / "fleet.html").write_text(page.render(fleet(result(name="a"))))
    found = summed(str(tmp_path))
    assert found["hosts"] == 1
    [problem] = found["problems"]
    assert (problem["count"], problem["kind"]) == (2, results.TRUNCATED)
    assert {*problem["places"]} == {f"{tmp_path}/{name}: all of it" for name in ("expected.txt", "fleet.html")}


def test_text_before_a_result_is_named_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "all").write_text("Warning: no login\nLast login\n" + json.dumps(result()))
    [problem] = summed(str(tmp_path))["problems"]
    assert problem["places"] == [f"{tmp_path}/all", f"{tmp_path}/all:2"]


def test_indented_results_may_stand_one_behind_the_other(tmp_path: Path) -> None:
    whole = [json.dumps(result(DRIFT, name=name), indent=2) + "\n" for name in "abc"]
    torn = whole[1][:200].rpartition("\n")[0] + "\n"
    (tmp_path / "all").write_text(whole[0] + torn + whole[1] + torn + json.dumps(result(name="d")) + "\n\n" + whole[2])
    found = summed(str(tmp_path / "all"))
    assert found["hosts"] == 4
    [problem] = found["problems"]
    lines = (whole[0].count("\n") + 1, (whole[0] + torn + whole[1]).count("\n") + 1)
    assert (problem["kind"], problem["places"]) == (results.TRUNCATED, [f"{tmp_path}/all:{n}" for n in lines])


def test_the_newest_result_of_a_host_counts_and_the_others_are_counted() -> None:
    old = result(DRIFT, name="a", time="2020-11-23T08:00:00Z")
    for order in ((old, result(name="a")), (result(name="a"), old)):
        many = fleet(*order)
        assert many.states()["in sync"] == 1
        assert dict(many.problems) == {summary.DUPLICATE: 1}
        assert many.named[summary.DUPLICATE] == ["a"]


def test_two_hosts_of_one_name_are_two_and_said_to_be() -> None:
    clone = {**result(name="a"), "host": {"name": "a", "id": "another", "machine": "x86_64"}}
    many = fleet(result(name="a"), clone)
    assert len(many.hosts) == 2
    assert dict(many.problems) == {summary.SHARED: 1}


def test_clones_of_one_machine_are_all_shown_and_said_to_be() -> None:
    machine = result(name="a")["host"]
    clones = [{**result(DRIFT), "host": {**machine, "name": name}} for name in "bc"]
    many = fleet(result(name="a"), *clones, result(name="d"))
    assert [host.name for host in many.hosts] == ["a", "b", "c", "d"]
    assert dict(many.problems) == {summary.CLONED: 3}
    assert many.named[summary.CLONED] == ["a", "b", "c"]


def test_a_clock_in_the_future_is_named_and_its_host_shown() -> None:
    ahead = result(name="a", time="2027-01-01T00:00:00Z")
    many = fleet(ahead)
    assert dict(many.problems) == {summary.FUTURE: 1}
    assert many.states()["in sync"] == 1
    for order in ((ahead, result(DRIFT, name="a")), (result(DRIFT, name="a"), ahead)):
        assert fleet(*order).states()["drift"] == 1  # since then, its clock was put right


def test_hosts_without_any_result_are_named_when_they_were_expected(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(result(name="a")))
    (tmp_path / "hosts").write_text("a\nb\n\n")
    found = json.loads(report([str(tmp_path / "a.json")], "json", 9999 * 86400, str(tmp_path / "hosts")))
    assert [(p["kind"], p["places"]) for p in found["problems"]] == [(summary.ABSENT, ["b"])]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for number in range(50):  # whatever comes first in the folder, none of them goes with what cannot be read
        (tmp_path / f"{number}.json").write_text(json.dumps(result(name=f"h{number}")))
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert problems(str(tmp_path), str(tmp_path / "gone")) == {read.UNREADABLE: 3}
        assert summed(str(tmp_path))["hosts"] == 50
        assert report([str(tmp_path / "loop")], "text", 172800, None).startswith("no hosts\n")


def test_a_report_of_nothing_that_exists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        report([str(tmp_path / "gone")], "text", DAY, None)


@pytest.mark.parametrize(
    ("names", "fails"), [((), False), (("drift",), True), (("failed", "missing"), False), (("silent", "drift"), True)]
)
def test_a_pipeline_can_stop_at_a_state(names: tuple[str, ...], fails: bool) -> None:
    assert failing(fleet(result(name="a"), result(DRIFT, name="b")), names) is fails


def test_many_problems_are_all_counted_and_some_named() -> None:
    many = Fleet(NOW, DAY).add(Problem(results.FOREIGN, str(i)) for i in range(summary.NAMED + 7)).close()
    assert many.problems[results.FOREIGN] == summary.NAMED + 7
    assert len(many.named[results.FOREIGN]) == summary.NAMED
    assert f"… and {summary.NAMED + 7 - text.SHOWN} more" in text.render(many)


def test_the_table_says_it_in_one_screen_and_nothing_drives_the_terminal() -> None:
    hostile = result({**DRIFT, "have": "\033[2Jgone\u202e"}, name="\033]0;evil\a")
    said = text.render(fleet(hostile, *(result(DRIFT, name=f"h{i}") for i in range(100))))
    assert said.splitlines()[0] == "101 hosts: 101 drift"
    assert "drift: emulators: linux/arm64 on 100 hosts since 2020-11-20 08:00" in said
    assert len(said.splitlines()) < 40
    assert max(map(len, said.splitlines())) <= 80
    assert not {"\033", "\u202e", "\a"} & set(said)


def test_one_host_and_a_value_without_end_are_told_as_a_person_would() -> None:
    said = text.render(fleet(result({**DRIFT, "have": "x" * 100_000}, name="one")))
    assert said.splitlines()[0] == "1 host: 1 drift"
    assert len(said) < 2000


def test_a_check_that_failed_says_why_since_when_and_what_to_do() -> None:
    said = text.render(fleet(failed(name="a"), failed(name="b"), result(DRIFT, name="c")))
    assert said.splitlines()[0] == "3 hosts: 2 failed, 1 drift"
    block = said.split("\n\n")[1].splitlines()
    assert block[0] == "failed: check: engine-stopped on 2 hosts since 2020-11-23 08:00"
    assert block[1].split() == ["because", *ERROR["message"].split()]
    assert "systemctl start docker" in block[2]
    assert block[3] == "  a b"


@pytest.mark.parametrize(
    "said",
    [
        "ssh: connect to host {0}.example.com port 22: Connection timed out",
        "Failed to connect to the host via ssh: ssh: connect to host {1} port 22: No route to host",
        "ssh: Could not resolve hostname {0}: Name or service not known",
        "Task failed: Failed to connect to the host via ssh: deploy@{0}: Permission denied (publickey).",
        "kex_exchange_identification: Connection closed by {1} port 22",
    ],
)
def test_hosts_that_cannot_be_reached_for_one_reason_are_one_cause(said: str) -> None:
    def down(number: int) -> dict[str, Any]:
        message = said.format(f"build-{number}", f"10.0.0.{number}")
        return failed(name=f"build-{number}", error={**ERROR, "code": "unreachable", "message": message})

    shown = text.render(fleet(*map(down, range(1, 9))))
    assert "failed: check: unreachable on 8 hosts" in shown
    assert shown.count("because") == 1
    assert "build-1 build-2" in shown


def test_an_apply_that_was_cut_off_is_named_and_never_as_wanted() -> None:
    said = text.render(fleet(result(name="a", interrupted=4, status="interrupted", exit_status=2)))
    assert said.splitlines()[0] == "1 host: 1 cut off"
    assert "provisioner rollback" in said


def test_a_result_of_version_1_is_read_like_one_of_version_2() -> None:
    for rows in ((DRIFT,), (HELD,), (DRIFT, HELD), ()):
        new = result(*rows, unknown=(UNKNOWN,))
        one, two = (results.result(json.dumps(found).encode(), "x") for found in (version_1(new), new))
        assert isinstance(one, Host)
        assert isinstance(two, Host)
        alike = [host.like._replace(qemu="", buildkit="", runs="", builds=()) for host in (one, two)]
        assert one._replace(like=alike[0]) == two._replace(like=alike[1])


def test_hosts_share_what_they_have_in_common() -> None:
    found = results.result(json.dumps(result(DRIFT)).encode(), "a")
    again = results.result(json.dumps(result(DRIFT, name="b")).encode(), "b")
    assert isinstance(found, Host)
    assert isinstance(again, Host)
    assert found.like is again.like


def test_who_builds_what_is_told_by_platform_and_nodes_come_first(tmp_path: Path) -> None:
    emulated = {**PLATFORM, "platform": "linux/arm64"}
    own = {**OWN, "platform": "linux/arm64"}
    nobody = {**emulated, "emulator": None}
    newer = {**OWN, "runs": "by magic"}
    found = fleet(
        *(result(name=f"a{i}", platforms=[OWN, ON_A_NODE], builder=BUILT_BY_TWO) for i in range(2)),
        *(result(name=f"b{i}", platforms=[OWN, emulated]) for i in range(3)),
        result(name="arm-1", platforms=[own, newer]),
        result(name="none", platforms=[nobody]),
        result(name="gone", platforms=[ON_A_NODE]),  # a node that the builder no longer names
        failed(name="failed"),
    )
    rows = [(build.platform, build.place, hosts) for build, hosts in found.builds()]
    assert rows == [
        ("linux/amd64", "the host's own CPU", 5),
        ("linux/amd64", "by magic", 1),
        ("linux/arm64", "node native-arm-1 at ssh://native-arm-1", 2),
        ("linux/arm64", "node native-arm-1", 1),
        ("linux/arm64", "the host's own CPU", 1),
        ("linux/arm64", "an emulator on the host", 3),
        ("linux/arm64", "nobody: no emulator is registered", 1),
    ]
    assert text.render(found).splitlines()[-3:] == [
        "built on nodes:",
        "  linux/arm64  node native-arm-1 at ssh://native-arm-1  for 2 hosts",
        "  linux/arm64  node native-arm-1                        for 1 host",
    ]
    (tmp_path / "results").write_text(json.dumps(result(platforms=[ON_A_NODE], builder=BUILT_BY_TWO)))
    [row] = summed(str(tmp_path))["builds"]
    told = {"platform": "linux/arm64", "how": "node", "node": "native-arm-1", "endpoint": "ssh://native-arm-1"}
    assert row == {**told, "hosts": 1}


def test_who_builds_what_shows_no_password_and_stays_on_its_line() -> None:
    node = {**BUILT_BY_TWO["nodes"][1], "name": "x\ny", "endpoint": "tcp://me:secret@arm:1234"}
    found = fleet(result(platforms=[{**ON_A_NODE, "built_on": "x\ny"}], builder={**BUILT_BY_TWO, "nodes": [node]}))
    told = text.render(found)
    assert "secret" not in told
    assert told.splitlines()[-1].startswith("  linux/arm64  node x")


def test_no_form_of_the_report_shows_a_password_that_an_older_agent_has_in_the_name_of_a_node() -> None:
    older = result(platforms=[{**ON_A_NODE, "built_on": "tcp://me:hunter22@arm:1234"}], builder=BUILT_BY_TWO)
    forms: tuple[Callable[[Fleet], str], ...] = (text.render, summary_json.render, page.render)
    for render in forms:
        told = render(fleet(older))
        assert "hunter22" not in told
        assert "@arm:1234" in told


def test_hosts_that_build_differently_are_told_apart_also_by_a_word_that_is_not_known() -> None:
    """The page counts and filters the hosts of a row by the words about their platforms."""
    ways = (OWN, {**OWN, "runs": "by magic"}, {**OWN, "runs": "build-only"}, {**OWN, "runs": "emulated"})
    hosts = fleet(*(result(name=f"{i}", platforms=[way]) for i, way in enumerate(ways))).hosts
    assert len({host.like.builds for host in hosts}) == 4
    assert len({host.like.runs for host in hosts}) == 4
