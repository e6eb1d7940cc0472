"""The walls of the house: imports run one way, and a drift check imports next to nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "provisioner"

# Each module may import from its own row's earlier names and from the rows above it.
LAYERS = (
    ("typed", "errors"),
    ("model", "acts"),
    ("libraries", "mask", "options"),
    ("encoding", "platforms", "binfmt", "elf", "jsontext", "tomltext", "yamltext", "schema", "example"),
    ("machine",),
    ("flavours", "contexts", "engine"),
    ("report", "log"),
    ("report.terminal", "report.answers", "report.sentences", "report.plans"),
    ("report.text", "report.junit", "report.nagios", "report.prometheus", "report.formats"),
    (
        "system.identity",
        "system.named",
        "system.remote",
        "system.wire",
        "system.locks",
        "system.pipes",
        "system.programs",
        "system.streams",
        "system.web",
        "system.looking",
        "system.calling",
    ),
    ("system",),
    ("hold",),
    ("fleet.read", "fleet.summary", "fleet.text", "fleet.summary_json", "fleet.page", "fleet"),
    ("registries",),
    ("buildx", "buildx.drivers", "buildx.configuration"),
    ("desired", "facts", "imagestore", "managers", "processes", "service", "daemonjson", "daemons"),
    ("containerd", "conflicts", "policy", "hidden", "remake", "migration"),
    ("desktop",),
    ("mounts", "kernel", "boot", "emulated"),
    ("packages", "copyout", "sources", "persistence", "registering"),
    ("buildx.store", "buildx.buildkitd", "buildx.container", "buildx.places"),
    ("buildx.commands", "buildx.wanted", "buildx.seen"),
    ("buildx.held", "buildx.registration", "buildx.aside", "buildx.reconcile"),
    ("buildx.leftovers",),
    ("setting", "switching"),
    ("resources.daemon", "resources.image_store", "resources.emulators", "resources.builder"),
    ("resources",),
    ("compare", "plan", "proof", "registry", "pushed"),
    ("receipts", "journal"),
    ("record", "drift", "result"),
    ("unbooted",),
    ("trial",),
    ("steps", "session"),
    ("undoing",),
    ("apply", "offline", "detect"),
    ("conversation",),
    ("commands", "commands.each"),
    (
        "commands.apply",
        "commands.check",
        "commands.confirm",
        "commands.detect",
        "commands.hold",
        "commands.init",
        "commands.plan",
        "commands.prove",
        "commands.recover",
        "commands.release",
        "commands.remove",
        "commands.report",
        "commands.rollback",
        "commands.schema",
    ),
    ("parsers", "commandline", "cli"),
    ("__main__",),
)

HEAVY = (
    "argparse",
    "dataclasses",
    "http",
    "jsonschema",
    "logging",
    "pathlib",
    "psutil",
    "subprocess",
    "systemd",
    "tempfile",
    "typing",
    "yaml",
)

# All of ours that a check of a host in sync imports: each module costs a hundredth of it. What is only needed where
# something has drifted, or by other commands, is imported there.
CHECK = (
    ("", "typed", "errors", "model", "libraries", "mask", "options", "commandline", "conversation", "cli"),
    ("commands", "commands.check"),
    ("system", "system.looking", "system.calling", "system.identity", "system.programs", "system.wire"),
    ("encoding", "platforms", "binfmt", "elf", "machine", "jsontext", "tomltext"),
    ("machine",),
    (
        "contexts",
        "flavours",
        "engine",
        "registries",
        "desired",
        "facts",
        "daemonjson",
        "imagestore",
        "mounts",
        "boot",
        "emulated",
    ),
    ("buildx", "buildx.drivers", "buildx.buildkitd", "buildx.container", "buildx.store", "buildx.commands"),
    ("buildx.places", "buildx.wanted", "buildx.seen"),
    ("resources", "resources.daemon", "resources.image_store", "resources.emulators", "resources.builder"),
    ("compare", "hold", "receipts", "record", "result", "report", "report.formats", "report.text"),
)
CHECKING = frozenset(f"provisioner.{name}".rstrip(".") for row in CHECK for name in row)

IMPORT = """
import importlib, sys
sys.path.insert(0, {package!r})
for name in {names!r}:
    importlib.import_module(name)
print(*sys.modules)
"""


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            found[name] = path
    return found


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, inside functions, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("provisioner"):
            base = node.module.removeprefix("provisioner").lstrip(".")
            names = {f"{base}.{a.name}".lstrip(".") for a in node.names}
            found |= {n for n in names if n in modules()} or ({base} if base else set())
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("provisioner.") for a in node.names if a.name.startswith("provisioner.")}
    return found


def test_every_module_has_its_place_in_the_order() -> None:
    assert {name for layer in LAYERS for name in layer} == set(modules())


@pytest.mark.parametrize("name", modules())
def test_imports_run_one_way(name: str) -> None:
    order = [module for layer in LAYERS for module in layer]
    for imported in imports(modules()[name]):
        assert order.index(imported) < order.index(name), f"{name} imports {imported}"


def test_resources_do_not_know_each_other() -> None:
    for name, path in modules().items():
        if name.startswith("resources."):
            assert not [i for i in imports(path) if i.startswith("resources")], name


def test_a_drift_check_imports_nothing_heavy() -> None:
    # -S: what some .pth file of a virtual environment imports is not ours
    script = IMPORT.format(package=str(PACKAGE.parent), names=sorted(CHECKING))
    ran = subprocess.run((sys.executable, "-I", "-S", "-c", script), capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert {name for name in loaded if name.partition(".")[0] == "provisioner"} == CHECKING
    assert not loaded & set(HEAVY)


def test_only_system_touches_the_host_and_only_two_modules_print() -> None:
    for name, path in modules().items():
        calls = {
            n.func.id
            for n in ast.walk(ast.parse(path.read_text()))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert name.startswith("system") or "open" not in calls, name
        assert name in ("cli", "conversation") or "print" not in calls, name
