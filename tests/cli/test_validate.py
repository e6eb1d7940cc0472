"""A configuration is judged without a host."""

import json
from pathlib import Path

import pytest

from provisioner.cli.commands import validate
from provisioner.cli.options import Arguments
from provisioner.errors import ConfigError
from provisioner.host import System

BROKEN = "platforms: [linux/amr64]\nbuilder:\n  nmae: x\n"


def judge(path: Path | str, form: str = "text") -> tuple[str, int]:
    answer = validate.run(System("/", {}), Arguments(file=str(path), config=None, format=form))
    return answer.text, answer.status


def test_a_right_configuration_is_valid(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("platforms: [linux/arm64]\n")
    assert judge(tmp_path / "a.yaml") == (f"{tmp_path}/a.yaml: valid", 0)
    (tmp_path / "a.yaml").write_text("")
    assert judge(tmp_path / "a.yaml")[0].endswith("valid (empty: the defaults apply)")


def test_each_mistake_has_its_line_and_what_would_be_right(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BROKEN)
    text, status = judge(tmp_path / "a.yaml")
    assert status == 78
    assert (
        f"{tmp_path}/a.yaml:3:3: builder.nmae: there is no such key\n      nmae: x\n  hint: did you mean name?" in text
    )
    assert text.splitlines()[-1] == "2 mistakes"


def test_a_program_gets_fields(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BROKEN)
    found = json.loads(judge(tmp_path / "a.yaml", "json")[0])
    assert (found["status"], found["valid"]) == ("invalid", False)
    assert [(p["line"], p["column"], p["key"]) for p in found["problems"]] == [
        (1, 13, "platforms[0]"),
        (3, 3, "builder.nmae"),
    ]


def test_a_file_that_is_missing_is_no_valid_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        judge(tmp_path / "gone.yaml")
