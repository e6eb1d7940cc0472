"""Parse a configuration: read the YAML, validate it, and make a ``Desired``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner import libraries
from provisioner.config.desired import Desired, Emulators, ImageStore, builder, restarts
from provisioner.config.problems import Place, Problem, located, suggestion
from provisioner.errors import ConfigError
from provisioner.platforms import table

SECTIONS: Mapping[str, Any] = {"image_store": ImageStore, "emulators": Emulators, "builder": builder}


def parse(text: str, path: str) -> Desired:
    """Read and validate a configuration's text.

    Raises:
        ConfigError: describes the first mistake; the hint gives the number of further mistakes.
    """
    made, wrong = judge(text, path)
    if not wrong:
        return made
    more = len(wrong) - 1
    also = f"; `provisioner validate` lists {more} more mistake{'s' if more > 1 else ''}" if more else ""
    raise ConfigError(f"{path}: {wrong[0].sentence}", hint=f"{wrong[0].hint}{also}")


def judge(text: str, path: str) -> tuple[Desired, Sequence[Problem]]:
    """Return the desired state of a text and everything that is wrong with it.

    If there is any problem, ignore the desired state.
    Raises:
        ConfigError: a Python module that validation needs is missing.
    """
    libraries.find()
    try:
        from provisioner.config import schema
        from provisioner.text import strict_yaml  # imports jsonschema and PyYAML

        found, marks, broken = strict_yaml.judge(text)
        if broken:
            return Desired(), [Problem((), broken.message, broken.hint, broken.line, broken.column)]
        wrong = list(schema.problems(found))
    except ModuleNotFoundError as e:
        hint = f"install the Python module {e.name}: package python3-yaml and python3-jsonschema, or pip"
        raise ConfigError(f"{path}: cannot be read without the Python module {e.name}", hint=hint) from None
    broken_keys = {p.place[0] for p in wrong if p.place}
    wrong += _problems({key: value for key, value in found.items() if key not in broken_keys})
    if wrong:
        return Desired(), located(wrong, marks)
    return _made(found), ()


def platform_list(text: str) -> tuple[str, ...]:
    """Parse the value of ``--platforms``: names separated by commas, or ``all`` for one platform of each architecture.

    Raises:
        ConfigError: one of the names is not a platform.
    """
    if text == "all":
        return table.each_architecture()
    names = text.split(",")
    if wrong := next(_platforms(names, ("--platforms",)), None):
        raise ConfigError(wrong.sentence, hint=wrong.hint)
    return tuple(dict.fromkeys(map(table.normalise, names)))


def _made(found: dict[str, Any]) -> Desired:
    """Make the record of a valid configuration."""
    platforms = found.pop("platforms", Desired().platforms)
    made = {key: SECTIONS[key](**value) if key in SECTIONS else value for key, value in _normal(found).items()}
    made["restart"] = restarts(found.get("restart", {}))
    made["repair"] = tuple(found.get("repair", ()))
    made["keep"] = tuple(found.get("keep", ()))
    return Desired(platforms=tuple(dict.fromkeys(map(table.normalise, platforms))), **made)


def _normal(found: dict[str, Any]) -> dict[str, Any]:
    """Normalize the platforms of the builder and its nodes, and return the configuration."""
    section = found.get("builder")
    for part in (section, *section.get("nodes", ())) if section else ():
        if "platforms" in part:
            part["platforms"] = [table.normalise(p) for p in part["platforms"]]
    return found


def _problems(found: Mapping[str, Any]) -> Iterator[Problem]:
    """Find problems that the schema cannot express, in sections that match the schema."""
    yield from _platforms(found.get("platforms", ()), ("platforms",))
    yield from _builder(found.get("builder", {}))
    yield from _emulators(found.get("emulators", {}))
    yield from _daemon(found.get("daemon", {}))
    if isinstance(section := found.get("restart"), Mapping):
        yield from _zone(section.get("window", {}).get("zone", "UTC"))


def _builder(section: Mapping[str, Any]) -> Iterator[Problem]:
    from provisioner.config import builder_section

    for place, node in builder_section.sections(section):
        yield from _platforms(node.get("platforms", ()), (*place, "platforms"))
    yield from builder_section.problems(section)


def _emulators(section: Mapping[str, Any]) -> Iterator[Problem]:
    from provisioner.config import references

    if section.get("source") == "directory" and not section.get("directory"):
        hint = "name the directory that holds the programs: emulators.directory: /opt/qemu"
        yield Problem(("emulators", "source"), "`directory` needs emulators.directory, which is missing", hint)
    if wrong := references.image(section.get("image", Emulators().image)):
        yield Problem(("emulators", "image"), wrong, "for example tonistiigi/binfmt:qemu-v10.2.3")


def _daemon(section: Mapping[str, Any]) -> Iterator[Problem]:
    from provisioner.config import references

    features = section.get("features")
    if isinstance(features, Mapping) and "containerd-snapshotter" in features:
        hint = "set image_store: {backend: containerd}, or unmanaged, instead"
        place: Place = ("daemon", "features", "containerd-snapshotter")
        yield Problem(place, "the section image_store decides about the image store", hint)
    tests = {"registry-mirrors": references.mirror, "insecure-registries": references.insecure}
    examples = {"registry-mirrors": "https://mirror.example.net", "insecure-registries": "registry.example.net:5000"}
    for key, test in tests.items():
        values = section.get(key)
        for index, value in enumerate(values if isinstance(values, list) else ()):
            if isinstance(value, str) and (wrong := test(value)):
                yield Problem(("daemon", key, index), wrong, f"for example {examples[key]}")


def _zone(zone: str) -> Iterator[Problem]:
    """Report an unknown time zone.

    A host without time zone data cannot tell. It reports the problem later, when a restart needs the zone.
    """
    from zoneinfo import available_timezones

    known = available_timezones() if zone != "UTC" else ()
    if known and zone not in known:
        hint = suggestion(zone, sorted(known)) or "for example Europe/Berlin or UTC"
        yield Problem(("restart", "window", "zone"), f"there is no time zone `{zone}`", hint)


def _platforms(names: Sequence[Any], place: Place) -> Iterator[Problem]:
    for index, name in enumerate(names):
        try:
            table.normalise(str(name))
        except ValueError:
            known = [row.name for row in table.PLATFORMS.values() if not row.build_only]
            guess = suggestion(str(name), [*known, *(n.removeprefix("linux/") for n in known)])
            hint = f"{guess + ' ' if guess else ''}The platforms are {', '.join(known)}"
            yield Problem((*place, index), f"`{name}` is not a platform", hint)
