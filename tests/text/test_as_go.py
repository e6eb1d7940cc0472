"""Texts are read as Go's standard library reads them."""

import pytest

from provisioner.text import as_go


@pytest.mark.parametrize("text", ["Y2k6eA==", "Y2k6\r\neA==\n", "\nY2k6eA=\n=", "Y2k6eB=="])
def test_ends_of_lines_do_not_count_in_base64(text: str) -> None:
    assert as_go.decoded(text) == b"ci:x"


@pytest.mark.parametrize("text", ["Y2k6 eA==", "Y2k6eA=", "Y2k6eA", "Y2k6eA==x", "=", "Y2k6_A==", "\ud800", "\u00e4"])
def test_what_is_no_base64_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # binascii's own words
        as_go.decoded(text)
