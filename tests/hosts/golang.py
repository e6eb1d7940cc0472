"""Build programs of Go modules with a generated go.mod."""

import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

from tests.hosts import packages, progress
from tests.hosts.errors import BuildError
from tests.hosts.images import ARCHITECTURE
from tests.hosts.progress import DOWNLOADS
from tests.hosts.recipes import GO, GO_TOOLCHAIN, GoMain, GoPrograms

OWN = "hosts"
MODULE = f"""\
module {OWN}

go {{go}}

require {{module}} {{version}}
"""

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/go/bin"  # Go's archive installs there; sudo's PATH lacks it
ENVIRONMENT = {
    **os.environ,
    "PATH": PATH,
    "CGO_ENABLED": "0",
    "GOFLAGS": "-buildvcs=false",
    "GOTOOLCHAIN": "auto",  # lets a Go that is too old for a module download a newer one
}
LAST = ("nice", "-n", "19")  # give other programs on this machine priority
ONE_AT_A_TIME = threading.Lock()  # a build uses every CPU and gigabytes of memory
AUTOMATIC = (1, 21)  # the first Go that downloads a newer version on its own


def build(recipe: GoPrograms, into: Path, architecture: str = ARCHITECTURE) -> None:
    """Build static programs into ``into``, at the paths of the recipe. One to four minutes on two cores, uncached.

    A module of our own requires the module with the programs, because ``go install`` refuses modules whose go.mod has
    excludes.
    """
    go = _go(into.parent)
    source, output = into.parent / "source", into.parent / "output"
    source.mkdir()
    module = MODULE.format(go=GO, module=recipe.module, version=recipe.version)
    variable, value = recipe.stamp
    if isinstance(recipe, GoMain):
        module += "".join(f"replace {name} => {name} {recipe.their_version}\n" for name in recipe.replaced)
        (source / "main.go").write_text(recipe.main)
        commands: tuple[str, ...] = (".",)
    else:
        variable = f"{recipe.module}/{variable}"
        commands = tuple(f"{recipe.module}/{package}" for package, _ in recipe.programs)
    (source / "go.mod").write_text(module)
    flags = ("-v", "-mod=mod", "-trimpath", f"-ldflags=-s -w -X {variable}={value}")
    argv = (*LAST, go, "build", *flags, f"-o={output}/", *commands)
    with ONE_AT_A_TIME:
        env = {**ENVIRONMENT, "GOARCH": architecture}
        progress.run(recipe.module, argv, into.parent / "log", env=env, cwd=source, tries=DOWNLOADS)
    for package, path in recipe.programs:
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (output / (Path(package).name or OWN)).rename(into / path)


def _go(scratch: Path) -> str:
    """Return the go command of this machine or of Debian's package. An old Go downloads a newer one as a module."""
    if not shutil.which("go", path=PATH):
        packages.install(packages.GO)
    go = shutil.which("go", path=PATH) or "go"
    version = re.match(r"go(\d+)\.(\d+)", _ask(go, scratch, "env", "GOVERSION"))
    if version is None or tuple(map(int, version.groups())) >= AUTOMATIC:  # None: Go was built from source
        return go
    progress.say(f"{version[0]} is too old: it fetches {GO_TOOLCHAIN}")
    toolchain = f"golang.org/toolchain@v0.0.1-go{GO_TOOLCHAIN}.linux-{ARCHITECTURE}"
    folder = Path(json.loads(_ask(go, scratch, "mod", "download", "-json", toolchain))["Dir"])
    for program in (*folder.glob("bin/*"), *folder.glob("pkg/tool/*/*")):  # files in a module are not executable
        program.chmod(0o755)
    return str(folder / "bin/go")


def _ask(go: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run((go, *arguments), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"go {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
