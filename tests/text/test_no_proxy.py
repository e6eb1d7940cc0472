"""Proxies are left out for the hosts that Go leaves out."""

import pytest

from provisioner.text import no_proxy


@pytest.mark.parametrize(
    ("where", "rules", "direct"),
    [
        ("localhost:5000", "", True),
        ("127.0.0.1:5000", "", True),
        ("[::1]:5000", "", True),
        ("registry.example", "", False),
        ("registry.example", "*", True),
        ("registry.example", "other, registry.example", True),
        ("registry.example:5000", "registry.example", True),
        ("registry.example:5000", "registry.example:443", False),
        ("registry.example:5000", "registry.example:5000", True),
        ("a.registry.example", "registry.example", True),
        ("aregistry.example", "registry.example", False),
        ("registry.example", ".registry.example", False),
        ("a.registry.example", ".registry.example", True),
        ("a.registry.example", "*.registry.example", True),
        ("REGISTRY.example", "registry.EXAMPLE", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3:5000", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.30", False),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("registry.example", "10.0.0.0/8 300.0.0.0/8", False),
        ("[fd00::5]:5000", "fd00::/8", True),
    ],
)
def test_a_host_is_reached_directly_where_go_does(where: str, rules: str, direct: bool) -> None:
    assert no_proxy.direct(where, rules) is direct
