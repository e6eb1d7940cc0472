"""Entry point for ``python3 -m provisioner``."""

from provisioner.cli.main import entry

entry()
