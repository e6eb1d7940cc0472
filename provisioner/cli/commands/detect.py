"""``provisioner detect``: say what this host is."""

from provisioner.cli import answers, detect
from provisioner.cli.commands import Answer, wanted
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System


def run(host: System, args: Arguments) -> Answer:
    """Say what this host is."""
    found = detect.detect(host, wanted(host, args).engine)
    text = answers.document("detect", Exit.OK, host=found) if args.format == "json" else answers.detected(found)
    return Answer(text, Exit.OK)
