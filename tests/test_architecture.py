"""The walls of the house: imports run one way, and a drift check imports next to nothing."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "provisioner"

# Each package may import from the rows above its own. Modules at the top of the package are what every row needs.
ORDER = (
    "text",
    "host",
    "steps",
    "platforms",
    "config",
    "engine",
    "daemon",
    "image_store",
    "emulators",
    "builder",
    "proof",
    "runs",
    "checks",
    "image",
    "fleet",
    "cli",
)
TOP = ("typed", "errors", "model", "libraries", "secrets")
PRINTING = ("cli.main", "cli.conversation")

HEAVY = (
    "argparse",
    "dataclasses",
    "enum",
    "http",
    "json",
    "jsonschema",
    "logging",
    "pathlib",
    "psutil",
    "re",
    "subprocess",
    "systemd",
    "tempfile",
    "typing",
    "yaml",
)

# All of ours that a check of a host in sync imports: each module costs a hundredth of it. What is only needed where
# something has drifted, or by other commands, is imported there.
CHECK = {
    "": "errors libraries model secrets typed",
    "text": "as_go byte_order command_line json_read plain_json states terminal toml tolerant",
    "host": "calling identity looking plain probes wire",
    "platforms": "binfmt elf machine pages table",
    "config": "desired drivers load",
    "engine": "addresses certificates contexts endpoints facts info kinds memory ownership people places registries"
    " running settings stores target",
    "daemon": "file keys lasting observed resource wanted",
    "image_store": "observed resource wanted",
    "emulators": "boot files keys modules observed resource unit wanted",
    "builder": "buildkitd choices container keys limits node_engines observed ownership places resource route_table"
    " routes selection store wanted",
    "runs": "compare freeze receipts resources",
    "checks": "formats result text",
    "cli": "commandline commands commands.check conversation main options",
}
CHECKING = frozenset(
    {"provisioner"}
    | {f"provisioner.{package}" for package in CHECK if package}
    | {".".join(filter(None, ("provisioner", package, name))) for package, row in CHECK.items() for name in row.split()}
)

IMPORT = """
import importlib, sys
sys.path.insert(0, {package!r})
for name in {names!r}:
    importlib.import_module(name)
print(*sys.modules)
"""


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name, a package by its own."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            found[name] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, inside functions, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("provisioner"):
            base = node.module.removeprefix("provisioner").lstrip(".")
            names = {f"{base}.{a.name}".lstrip(".") for a in node.names}
            found |= {n for n in names if n in MODULES} or ({base} if base else set())
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("provisioner.") for a in node.names if a.name.startswith("provisioner.")}
    return found


def package(name: str) -> str:
    """The package that a module lies in, or is; empty for one at the top."""
    first = name.partition(".")[0]
    return first if first in ORDER else ""


def row(name: str) -> int:
    """How far down in the order a module lies; those at the top come first, the program's start last."""
    return len(ORDER) if name == "__main__" else ("", *ORDER).index(package(name))


def test_every_module_lies_in_a_package_of_the_order_or_is_needed_by_all() -> None:
    assert {name for name in MODULES if not package(name)} == {*TOP, "__main__"}
    assert set(ORDER) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_one_way_between_packages(name: str) -> None:
    for imported in imports(MODULES[name]):
        assert row(imported) <= row(name), f"{name} imports {imported}"


@pytest.mark.parametrize("inside", ["", *ORDER])
def test_imports_run_one_way_within_a_package(inside: str) -> None:
    mine = [name for name in MODULES if package(name) == inside]
    graph = {name: {i for i in imports(MODULES[name]) if i in mine and i != name} for name in mine}
    TopologicalSorter(graph).prepare()  # CycleError names the modules of a circle


def test_resources_do_not_know_each_other() -> None:
    for name, path in MODULES.items():
        if name.endswith(".resource"):
            assert not [i for i in imports(path) if i.endswith(".resource")], name


def test_a_drift_check_imports_nothing_heavy() -> None:
    # -S: what some .pth file of a virtual environment imports is not ours
    script = IMPORT.format(package=str(PACKAGE.parent), names=sorted(CHECKING))
    ran = subprocess.run((sys.executable, "-I", "-S", "-c", script), capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert {name for name in loaded if name.partition(".")[0] == "provisioner"} == CHECKING
    assert not loaded & set(HEAVY)


def test_only_the_host_package_touches_the_host_and_only_two_modules_print() -> None:
    for name, path in MODULES.items():
        calls = {
            n.func.id
            for n in ast.walk(ast.parse(path.read_text()))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert package(name) == "host" or "open" not in calls, name
        assert name in PRINTING or "print" not in calls, name
