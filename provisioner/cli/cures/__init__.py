"""Errors that people search for, with their possible causes and cures: a module for each subject, of rows as these.

The command ``explain`` and docs/explain.md are made from them. Each cause names a test in ``causes`` that checks
whether the cause applies to the host. The last cause of an error needs no test.
"""

from typing import NamedTuple


class Cure(NamedTuple):
    """One step of a cure: a ``command`` to copy, or something else to do."""

    words: str
    command: bool


class Cause(NamedTuple):
    """A possible cause: the test that detects it on a host, a sentence, and the steps that fix it."""

    test: str
    sentence: str
    cure: tuple[Cure, ...]


class Error(NamedTuple):
    """An error as programs print it. ``patterns`` are matched against each line, ignoring case."""

    code: str
    title: str
    patterns: tuple[str, ...]
    causes: tuple[Cause, ...]


def run(command: str) -> Cure:
    """Return a step that is a command."""
    return Cure(command, command=True)


def do(words: str) -> Cure:
    """Return a step that is not a command, such as a setting to change."""
    return Cure(words, command=False)


APPLY, EMULATORS = run("sudo provisioner apply"), run("sudo provisioner apply --only emulators")
BUILDER, STORE = run("sudo provisioner apply --only builder"), run("sudo provisioner apply --only image-store")
INSPECT = run("docker buildx imagetools inspect IMAGE")
DOWN = Cause("engine-down", "Docker is not running on this host.", (run("sudo systemctl start docker"),))
NO_STORE = Cause(
    "classic-store", "Docker keeps images in its classic store, where an image has one platform.", (STORE,)
)
NOT_SELECTED = Cause(
    "builder-differs", "The builder for several platforms is missing, stopped or not selected.", (BUILDER,)
)
