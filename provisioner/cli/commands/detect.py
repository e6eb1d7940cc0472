"""``provisioner detect``: describe this host, whether or not Docker is running."""

from provisioner.cli import answers, detect, detect_text
from provisioner.cli.commands import Answer, wanted
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.errors import Exit
from provisioner.host import System


def run(host: System, args: Arguments) -> Answer:
    """Describe this host. If the engine does not answer, the answer and the exit status say so."""
    found, silent = detect.detect(host, wanted(host, args))
    status = silent.exit_status if silent else int(Exit.OK)
    if silent:
        say(f"provisioner: {silent.message}")
        say(f"  hint: {silent.hint}")
    if args.format == "json":
        error = {"error": silent.as_json()} if silent else {}
        return Answer(answers.document(host, "detect", "failed" if silent else "ok", status, **error, **found), status)
    return Answer(detect_text.render(found, silent), status)
