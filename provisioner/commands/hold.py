"""``provisioner hold``: stop applies on this host until a time, for a reason."""

from provisioner import hold, session
from provisioner.commands import Answer
from provisioner.conversation import record
from provisioner.errors import Exit
from provisioner.options import Arguments
from provisioner.report import answers
from provisioner.system import System


def run(system: System, args: Arguments) -> Answer:
    """Hold applies."""
    session.must_be_root(system)
    on = hold.put(system, args.reason, args.until)
    record("held", f"applies until {on.until}: {on.reason}", until=on.until)
    if args.format == "json":
        return Answer(answers.document("hold", Exit.OK, hold=on._asdict()), Exit.OK)
    return Answer(f"applies are held until {on.until}; `provisioner release` ends that", Exit.OK)
