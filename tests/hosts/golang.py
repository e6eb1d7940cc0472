"""Build programs of Go modules, through a go.mod made on the spot."""

import os
from pathlib import Path

from tests.hosts import progress
from tests.hosts.recipes import GO, GoPrograms

MODULE = """\
module hosts

go {go}

require {module} {version}
"""

ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-buildvcs=false",
    "GOTOOLCHAIN": "auto",  # an older Go fetches the one that the module asks for
}


def build(recipe: GoPrograms, into: Path) -> None:
    """Put static programs where the recipe wants them below ``into``. One to four minutes on two cores, cold.

    A module of our own requires the module that has them: ``go install`` refuses modules whose go.mod excludes others.
    """
    source, output = into.parent / "source", into.parent / "output"
    source.mkdir()
    (source / "go.mod").write_text(MODULE.format(go=GO, module=recipe.module, version=recipe.version))
    variable, value = recipe.stamp
    stamp = f"-s -w -X {recipe.module}/{variable}={value}"
    packages = tuple(f"{recipe.module}/{package}" for package, _ in recipe.programs)
    argv = ("go", "build", "-mod=mod", "-trimpath", f"-ldflags={stamp}", f"-o={output}/", *packages)
    progress.run(recipe.module, argv, into.parent / "log", env={**os.environ, **ENVIRONMENT}, cwd=source)
    for package, path in recipe.programs:
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (output / Path(package).name).rename(into / path)
