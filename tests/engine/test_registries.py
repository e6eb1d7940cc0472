"""What daemon.json says of registries is foreseen as the daemon reads it, and what BuildKit cannot take is told."""

import json

import pytest

from provisioner.engine import registries
from provisioner.engine.registries import Registries

INSECURE = ["http://hub:5000", "HTTPS://b", "10.0.0.0/8", "fd00::/8", "docker.io", "index.docker.io"]


def test_the_daemon_s_insecure_registries_are_foreseen_as_it_will_show_them() -> None:
    file = json.dumps({"insecure-registries": INSECURE})
    shown = Registries(insecure=("hub:5000", "b", "index.docker.io"), ranges=("127.0.0.0/8", "10.0.0.0/8", "fd00::/8"))
    for known, before in ((Registries(ranges=("127.0.0.0/8",)), "{}"), (shown, file)):
        found = registries.foreseen(known, before, file)
        assert set(found.insecure) == set(shown.insecure)
        assert set(found.ranges) == set(shown.ranges)
    assert registries.foreseen(shown, file, "{}") == Registries(ranges=("127.0.0.0/8",))


def test_a_list_with_something_else_than_texts_names_no_registry_of_that() -> None:
    lists = {"registry-mirrors": [None, "http://m"], "insecure-registries": [None, 5, {}, "b"]}
    found = registries.foreseen(Registries(), "{}", json.dumps(lists))
    assert (found.mirrors, found.insecure) == (("http://m",), ("b",))


@pytest.mark.parametrize(
    "known",
    [
        Registries(insecure=("[fd00::1]:5000",)),
        Registries(mirrors=("http://[fd00::1]:5000/",)),
        Registries(certificates={"[fd00::1]:5000": ("/c/ca.crt",)}),
        Registries(certificates={'my "hub"': ("/c/ca.crt",)}),
    ],
)
def test_a_registry_that_buildkitd_toml_cannot_name_is_left_out_and_told(known: Registries) -> None:
    assert set(registries.mapping(known, loopback=True)) <= {"docker.io"}
    [told] = registries.odd(known)
    assert "cannot be named" in told


@pytest.mark.parametrize(
    ("mirror", "told"),
    [
        ("https://m/", ()),
        ("https://m:5000/", ()),
        ("https://m/a/b/", ("m/a/b/v2/", "m/v2/a/b/")),
    ],
)
def test_a_mirror_with_a_path_that_buildkit_puts_elsewhere_is_told(mirror: str, told: tuple[str, ...]) -> None:
    found = " ".join(registries.odd(Registries(mirrors=(mirror,))))
    assert bool(found) is bool(told)
    assert all(words in found for words in told)
