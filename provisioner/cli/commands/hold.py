"""``provisioner hold``: stop applies on this host until a given time, for a given reason."""

from provisioner.cli import answers
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import record
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.runs import freeze, session


def run(system: System, args: Arguments) -> Answer:
    """Hold applies."""
    session.must_be_root(system)
    on = freeze.put(system, args.reason, args.until)
    record("held", f"applies until {on.until}: {on.reason}", until=on.until)
    if args.format == "json":
        return Answer(answers.document(system, "hold", "ok", Exit.OK, hold=on._asdict()), Exit.OK)
    return Answer(f"applies are held until {on.until}; `provisioner release` ends that", Exit.OK)
