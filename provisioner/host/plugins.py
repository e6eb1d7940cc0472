"""Start docker's plug-in buildx without docker in between.

docker looks through its folders, starts each plug-in to ask for its name, and starts the one that was meant with the
same words. That takes twice as long as what buildx then does. So docker is asked once which program it means, and later
calls start that program, with the variable by which it knows that docker was called.

This is only done where docker does nothing else. A script in docker's place may set variables or a home of its own.
"""

import json
import os

ORIGINAL = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"
NAME = "buildx"
LISTED = ("--host", "unix:///dev/null", "info", "--format", "{{json .ClientInfo.Plugins}}")  # no engine is asked
OPTIONS = ("--host", "--context")  # docker's own, each with a value; the plug-in gets them, too
HEAD = b"\x7fELF"


def meant(argv: tuple[str, ...]) -> bool:
    """Return whether a command line is docker's, for buildx."""
    words = argv[1:]
    while words[:1] and words[0] in OPTIONS:
        words = words[2:]
    return argv[0] == "docker" and words[:1] == (NAME,)


def itself(program: str) -> bool:
    """Return whether a file is docker itself, not a script, or a launcher for programs of many names."""
    real = os.path.realpath(program)
    try:
        with open(real, "rb") as file:
            return os.path.basename(real) == "docker" and file.read(len(HEAD)) == HEAD
    except OSError:
        return False


def path(listed: str) -> str:
    """Return the path of buildx in docker's list of plug-ins. Empty if there is none that works."""
    try:
        return next((p["Path"] for p in json.loads(listed) if p["Name"] == NAME and not p.get("Err")), "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
