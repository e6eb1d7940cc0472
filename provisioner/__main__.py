"""``python3 -m provisioner``."""

from provisioner.cli import entry

entry()
