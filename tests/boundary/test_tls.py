"""Every connection takes the certificates that Docker takes."""

import ssl

from provisioner.host import tls
from tests.hosts.agent import CHECKOUT


def test_an_authority_needs_no_extensions_that_docker_does_not_ask_for() -> None:
    assert not tls.settings().verify_flags & ssl.VERIFY_X509_STRICT
    assert tls.settings().verify_mode == ssl.CERT_REQUIRED


def test_no_other_module_makes_settings_of_its_own() -> None:
    found = [path for path in (CHECKOUT / "provisioner").rglob("*.py") if "create_default_context" in path.read_text()]
    assert [path.name for path in found] == ["tls.py"]
