"""The result of a check that could not run: printed, saved and rendered like any other."""

from provisioner.checks import failure, formats, nagios, result
from provisioner.checks.failure import Failure
from provisioner.checks.record import Result
from provisioner.cli import keeping
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import complain, say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit, ProvisionerError
from provisioner.host import System


def run(host: System, args: Arguments, error: Exception, started: float) -> Answer:
    """Return the answer for an error. Its exit status is that of the error."""
    found = failure.of(error, host)
    if found.exit_status == Exit.BUG and args.verbose:
        complain(error)
    say(f"provisioner: {found.message}")
    if found.hint:
        say(f"  hint: {found.hint}")
    made = result.failed(host, found, getattr(args, "configuration", None), started)
    if args.record or args.textfile_dir:
        _keep(host, args, made, found)
    if args.quiet or args.format == "text":
        return Answer("", found.exit_status)
    try:
        text = formats.FORMATS[args.format](made, False)
    except ProvisionerError as e:  # the module that renders may itself be missing
        return Answer("", int(e.status))
    return Answer(text, nagios.status(made) if args.format == "nagios" else found.exit_status)


def _keep(host: System, args: Arguments, made: Result, found: Failure) -> None:
    """Save the result. A failure to save it is reported, but does not hide the first failure."""
    try:
        keeping.keep(host, args, made)
    except (ProvisionerError, OSError) as e:
        reason = failure.of(e).message
        if reason != found.message:  # otherwise this is the reason why the check failed
            say(f"provisioner: the result was not kept: {reason}")
