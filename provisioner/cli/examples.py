"""The end of every help text: examples to copy, exit statuses, and links to the documentation."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "detect": (
        ("provisioner detect", "what this host is, with Docker running or not"),
        ("provisioner detect --format json", "the same for a program"),
    ),
    "plan": (
        ("sudo provisioner plan", "what apply would do, with the changes of files"),
        ("sudo provisioner plan --only emulators", "for emulators alone"),
    ),
    "apply": (
        ("sudo provisioner apply", "make the host ready, and prove it"),
        ("sudo provisioner apply --restart never", "leave what needs a restart of Docker for later"),
        ("sudo provisioner apply --confirm 10m", "roll back after ten minutes unless you confirm"),
    ),
    "check": (
        ("sudo provisioner check", "report what differs from the configuration; change nothing"),
        ("provisioner check --quiet && echo fine", "use the exit status"),
        ("provisioner check --format json", "the whole result, for a program"),
    ),
    "prove": (
        ("sudo provisioner prove", "build and run an image for every platform"),
        ("sudo provisioner prove --time", "measure how much slower emulated platforms are on this host"),
        ("sudo provisioner prove --registry registry.example.net:5000/proof", "push it and pull it back, too"),
    ),
    "rollback": (
        ("sudo provisioner rollback", "undo the last apply"),
        ("sudo provisioner rollback --plan 3", "show what going back to before entry 3 would do"),
        ("sudo provisioner rollback 3", "go back to before entry 3 of the history"),
    ),
    "history": (
        ("sudo provisioner history", "all applies and how they ended"),
        ("sudo provisioner history 3", "what entry 3 changed, and what undoes it"),
    ),
    "hold": (("sudo provisioner hold --reason 'release week' --until 5d", "no apply changes this host for five days"),),
    "release": (("sudo provisioner release", "let applies change this host again"),),
    "remove": (("sudo provisioner remove", "undo every apply, and remove what provisioner owns"),),
    "confirm": (("sudo provisioner confirm", "keep what `apply --confirm` has done"),),
    "recover": (("sudo provisioner recover", "undo an apply that was cut off"),),
    "report": (
        ("provisioner report results/", "a fleet in the terminal"),
        ("provisioner report --format html --expect hosts.txt results/ > fleet.html", "one page of it"),
        ("provisioner report --fail-on drift results/", "end with 2 if a host has drifted"),
    ),
    "validate": (
        ("provisioner validate provisioner.yaml", "all mistakes of a configuration, without a host"),
        ("generate | provisioner validate -", "of one on standard input"),
    ),
    "explain": (
        ("docker buildx build . 2>&1 | provisioner explain", "what an error means on this host, and its cure"),
        ("provisioner explain 'exec /bin/sh: exec format error'", "the same for one message"),
    ),
    "init": (("provisioner init | sudo tee /etc/provisioner/provisioner.yaml", "a configuration to start from"),),
    "setup": (("sudo provisioner setup", "install the systemd units and the manual of a pip installation"),),
    "schema": (
        ("provisioner schema", "the JSON Schema of the configuration"),
        ("provisioner schema check", "that of what `check --format json` prints"),
    ),
}
STATUSES = """\
exit statuses:
  0 done, or in sync   1 failed, nothing was changed   2 differs   3 failed and rolled back   4 the rollback failed
  5 done, but something is blocked   6 some engines changed, another one failed   64 wrong command line   69 no engine
  70 bug   75 busy or held   77 no permission   78 wrong configuration"""
MORE = "The configuration is /etc/provisioner/provisioner.yaml. The manual: man provisioner."


def of(command: str) -> str:
    """Return the end of a command's help text."""
    rows = EXAMPLES.get(command, ())
    width = max((len(line) for line, _ in rows), default=0)
    lines = [f"  {line.ljust(width)}  {what}" if width < 60 else f"  {line}\n      {what}" for line, what in rows]
    return "\n".join(["examples:", *lines, "", STATUSES, "", MORE])


def overview() -> str:
    """Return the end of the program's own help text."""
    steps = ("detect", "plan", "apply", "check")
    lines = "\n".join(f"  {line.ljust(26)}{what}" for line, what in (EXAMPLES[name][0] for name in steps))
    return f"start with:\n{lines}\n\n{STATUSES}\n\n{MORE}"
