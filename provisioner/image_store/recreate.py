"""How to recreate a container that a switch of the store hides: with its compose project, or with ``docker run``.

The text names what the command does not reproduce. It leaves out values of environment variables and arguments that may
be secret.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner import secrets
from provisioner.image_store import run_options

PROJECT = "com.docker.compose.project"
FOLDER, FILES, VARIABLES = f"{PROJECT}.working_dir", f"{PROJECT}.config_files", f"{PROJECT}.environment_file"
SECRET = re.compile(r"(?i)^--?[\w.-]*(pass|secret|token|key|credential)[\w.-]*$")


def sentence(found: Mapping[str, Any]) -> str:
    """Describe a container from its inspection: name, image, volumes, and the command that recreates it."""
    volumes = [m.get("Name") or m.get("Source") for m in found.get("Mounts") or ()]
    named = f", with {', '.join(filter(None, volumes))}" if any(volumes) else ""
    left = ", ".join(run_options.left_out(found)) if PROJECT not in _labels(found) else ""
    lacking = f" (not reproduced: {left}; `docker inspect` has it)" if left else ""
    return f"{found['Name'].lstrip('/')} (of {found['Config']['Image']}{named}): {command(found)}{lacking}"


def command(found: Mapping[str, Any]) -> str:
    """Return only the command that recreates a container."""
    if PROJECT in _labels(found):
        return _compose(_labels(found))
    options = ("--detach", *run_options.every(found))
    return shlex.join(("docker", "run", *options, found["Config"]["Image"], *_hidden(_command(found))))


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = found["Config"].get("Labels") or {}
    return labels


def _compose(labels: Mapping[str, str]) -> str:
    """Return the compose command of a project, with its files."""
    where = f"cd {shlex.quote(labels[FOLDER])} && " if labels.get(FOLDER) else ""
    files = [f"--file={path}" for path in labels.get(FILES, "").split(",") if path]
    variables = [f"--env-file={path}" for path in labels.get(VARIABLES, "").split(",") if path]
    argv = ("docker", "compose", f"--project-name={labels[PROJECT]}", *files, *variables, "up", "--detach")
    return f"{where}{shlex.join(argv)}"


def _command(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words after the image. ``--entrypoint`` takes one word, so the rest of it comes before the command."""
    config = found["Config"]
    return (*(config.get("Entrypoint") or ())[1:], *(config.get("Cmd") or ()))


def _hidden(words: Sequence[str]) -> Iterator[str]:
    """Yield the arguments of a container's program without possible secrets."""
    for before, word in zip(("", *words), words, strict=False):
        yield secrets.HIDDEN if SECRET.match(before) else secrets.word(word)
