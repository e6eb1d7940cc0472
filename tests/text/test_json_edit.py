"""An edit changes one value and keeps every other byte."""

import json

import pytest

from provisioner.errors import ConfigError
from provisioner.text import json_edit, json_read
from tests.cases import seen
from tests.text import layouts

LEAF = ("features", "containerd-snapshotter")

EDITS = {
    "empty": ("", '{\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n'),
    "null": ("null\n", '{\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n'),
    "object": ("{}", '{\n  "features": {\n    "containerd-snapshotter": true\n  }\n}'),
    "one line": ('{"debug": true}', '{"debug": true, "features": {"containerd-snapshotter": true}}'),
    "compact": ('{"debug":true}', '{"debug":true,"features":{"containerd-snapshotter": true}}'),
    "tabs": (
        '{\n\t"debug": true\n}\n',
        '{\n\t"debug": true,\n\t"features": {\n\t\t"containerd-snapshotter": true\n\t}\n}\n',
    ),
    "four blanks": (
        '{\n    "debug": true\n}',
        '{\n    "debug": true,\n    "features": {\n        "containerd-snapshotter": true\n    }\n}',
    ),
    "line ends": (
        '{\r\n  "debug": true\r\n}\r\n',
        '{\r\n  "debug": true,\r\n  "features": {\r\n    "containerd-snapshotter": true\r\n  }\r\n}\r\n',
    ),
    "another feature": (
        '{\n  "features": {\n    "cdi": true\n  }\n}\n',
        '{\n  "features": {\n    "cdi": true,\n    "containerd-snapshotter": true\n  }\n}\n',
    ),
    "features null": (
        '{\n  "features": null\n}\n',
        '{\n  "features": {\n    "containerd-snapshotter": true\n  }\n}\n',
    ),
    "false": (
        '{ "features" : { "containerd-snapshotter" : false } }',
        '{ "features" : { "containerd-snapshotter" : true } }',
    ),
    "the key in a string": (
        '{"labels": ["features: {"], "debug": true}',
        '{"labels": ["features: {"], "debug": true, "features": {"containerd-snapshotter": true}}',
    ),
    "an escaped key": (
        '{"feature\\u0073": {"containerd-snapshotter": false}}',
        '{"feature\\u0073": {"containerd-snapshotter": true}}',
    ),
}

REFUSED = {
    "a comment": ('{\n  // ours\n  "debug": true\n}', "line 2, column 3"),
    "a trailing comma": ('{"debug": true,}', "line 1"),
    "two documents": ('{"debug": true}{}', "a second document at line 1, column 16"),
    "a key that stands twice": ('{"features": {"a": true},\n "features": {}}', "twice, again at line 2, column 2"),
    "a nested key that stands twice": (
        '{"features": {"containerd-snapshotter": true, "containerd-snapshotter": false}}',
        "'containerd-snapshotter' stands there twice, again at line 1, column 47",
    ),
    "a byte order mark and too old an engine": ("\ufeff{}", "byte order mark at line 1, column 1"),
    "a mark of UTF-16 and half a character": ("\udcff\udcfe{", "says utf-16-le"),
    "a list": ("[]", "no JSON object"),
    "NaN": ('{"mtu": NaN}', "NaN is not valid JSON"),
    "a template": ("{{ docker_options | to_json }}", "line 1"),
    "something encrypted": ("$ANSIBLE_VAULT;1.1;AES256\n6231", "line 1, column 1"),
    "a thousand brackets": ('{"a": ' + "[" * 100_000, "daemon.json"),
    "three hundred brackets": ('{"a": ' + "[" * 300 + "]" * 300 + "}", "nested too deeply"),
    "five hundred objects": ('{"a": ' * 500 + "1" + "}" * 500, "nested too deeply"),
    "bytes that are no text": ('{"debug": \udcff}', "line 1, column 11"),
}
OLD = (20, 10)


@pytest.mark.parametrize("name", EDITS)
def test_a_leaf_is_set_in_the_layout_of_the_file(name: str) -> None:
    before, after = EDITS[name]
    json_read.load(before, "daemon.json")
    assert json_edit.put(before, LEAF, True) == after


@pytest.mark.parametrize("name", ["one line", "tabs", "four blanks", "line ends", "another feature"])
def test_a_leaf_taken_away_again_leaves_the_bytes_that_were_there(name: str) -> None:
    before, after = EDITS[name]
    assert json_edit.drop(after, LEAF) == before


def test_dropping_what_is_not_there_changes_nothing() -> None:
    assert json_edit.drop('{"debug": true}', LEAF) == '{"debug": true}'


def test_dropping_the_first_of_two_keeps_the_second_where_it_is() -> None:
    text = '{\n  "features": {\n    "containerd-snapshotter": true,\n    "cdi": true\n  }\n}\n'
    assert json_edit.drop(text, LEAF) == '{\n  "features": {\n    "cdi": true\n  }\n}\n'


HINTS = {
    "$ANSIBLE_VAULT;1.1;AES256": "encrypted",
    "{{ docker_options | to_json }}": "a template",
    "# Ansible managed\n{}": "configuration management wrote it",
    "<!DOCTYPE html>": "fetch it again",
    "\0GITCRYPT\0\x01\x02": "encrypted",
    "VimCrypt~03!\x01\x02": "encrypted",
    '{"log-level": {{ level }}}': "a template",
    '{"log-opts": {"tag": "{{.Name}}"}, "debug": }': "dockerd would refuse it",
    '{"log-level": "' + "x" * 2000 + '", "debug": {{ debug }}}': "a template",
    '{\n{% if debug %}\n"debug": true\n{% endif %}\n}': "a template",
    '{"debug": true {{ more }}}': "a template",
    '{"debug: true, "log-opts": {"tag": "{{.Name}}"}}': "dockerd would refuse it",  # a quotation mark is missing
    '{"log-opts": {"tag: "{{.Name}}"}}': "dockerd would refuse it",
    '{"log-level": "' + "x" * 1980 + '", "tag": "{{.Name}}", "debug": }': "dockerd would refuse it",
    "{,}": "dockerd would refuse it",
}


@pytest.mark.parametrize("text", HINTS)
def test_what_was_never_json_gets_an_advice_of_its_own(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        json_read.load(text, "daemon.json")
    assert HINTS[text] in (raised.value.hint or "")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_an_edit_keeps_the_byte_order_mark_and_the_encoding(codec: str) -> None:
    plain = '{\n  "labels": ["m\u00fc"]\n}\n'
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(codec, b"")
    text = (mark + plain.encode(codec)).decode("utf-8", "surrogateescape")
    assert json_read.load(text, "daemon.json", (LEAF,), (23,)) == {"labels": ["m\u00fc"]}
    changed = json_edit.put(text, LEAF, True)
    edited = changed.encode("utf-8", "surrogateescape")
    assert edited == mark + json_edit.put(plain, LEAF, True).encode(codec)
    assert json_edit.drop(changed, LEAF) == text


def test_a_key_that_stands_twice_elsewhere_stays_as_it_is() -> None:
    text = '{"log-opts": {"a": "1", "a": "2"}, "debug": false, "debug": true}'
    assert json_read.load(text, "daemon.json", (LEAF,)) == {"log-opts": {"a": "2"}, "debug": True}
    assert json_edit.put(text, LEAF, True) == text[:-1] + ', "features": {"containerd-snapshotter": true}}'


@pytest.mark.parametrize("value", [1, "a\u00fcb", ["https://m"], {"a": {"b": []}}, 0.5, {}, []])
def test_a_leaf_may_hold_any_json(value: object) -> None:
    text = '{\n  "log-opts": {\n    "max-size": "1m"\n  }\n}\n'
    changed = json_edit.put(text, ("log-opts", "x"), value)
    assert json.loads(changed) == {"log-opts": {"max-size": "1m", "x": value}}
    assert json_edit.drop(changed, ("log-opts", "x")) == text


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused_with_its_place(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(ConfigError, match=r"daemon\.json") as raised:
        json_read.load(text, "daemon.json", (LEAF,), OLD)
    assert words in raised.value.message


@pytest.mark.parametrize("name", seen.DAEMON_JSON)
def test_a_file_of_a_real_host_is_refused_or_changed_in_that_leaf_alone(name: str) -> None:
    text = seen.DAEMON_JSON[name].decode("utf-8", "surrogateescape")
    try:
        found = json_read.load(text, name, (LEAF,))
    except ConfigError:
        return
    features = found.get("features")
    if features is None or isinstance(features, dict):
        changed = json_edit.put(text, LEAF, True)
        assert json.loads(changed) == {**found, "features": {**(features or {}), LEAF[1]: True}}
        old = json_read.leaf(found, LEAF)
        assert old is None or json_edit.put(changed, LEAF, old) == text


OTHER_COMMAS = {
    "a blank before the comma": (
        '{"debug": true , "log-driver": "local"}',
        '{"debug": true , "log-driver": "local" , "features": {"containerd-snapshotter": true}}',
    ),
    "the comma first": (
        '{ "debug": true\n, "log-driver": "local"\n}',
        '{ "debug": true\n, "log-driver": "local"\n, "features": {\n  "containerd-snapshotter": true\n}\n}',
    ),
    "a comma on a line of its own": (
        '{\n  "debug": true\n  ,\n  "mtu": 1400\n}',
        '{\n  "debug": true\n  ,\n  "mtu": 1400\n  ,\n  "features": {\n    "containerd-snapshotter": true\n  }\n}',
    ),
}


@pytest.mark.parametrize("name", OTHER_COMMAS)
def test_a_leaf_is_put_where_commas_stand_elsewhere(name: str) -> None:
    before, after = OTHER_COMMAS[name]
    assert json_edit.put(before, LEAF, True) == after
    assert json_edit.drop(after, LEAF) == before


def test_a_leaf_below_a_key_of_its_own_name_is_not_there() -> None:
    assert json_edit.drop('{"a": true}', ("a", "a")) == '{"a": true}'


def test_an_edit_that_would_change_anything_else_is_refused() -> None:
    twice = '{"features": {"x": 1}, "features": {"y": 2}}'  # the first one is edited, but the last one counts
    with pytest.raises(json_edit.EditError, match=r"features\.x cannot be edited"):
        json_edit.put(twice, ("features", "x"), True)


def test_ten_thousand_layouts_keep_all_but_the_leaf() -> None:
    draw = layouts.Draw(2026)
    assert [found for found in (layouts.wrong(draw) for _ in range(10_000)) if found] == []
