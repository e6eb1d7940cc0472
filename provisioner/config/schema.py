"""schema.json: the one source for validation, for editors and for `provisioner init`."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from provisioner.errors import ConfigError


def text() -> str:
    """The JSON Schema that we ship."""
    return files("provisioner.config").joinpath("schema.json").read_text("utf-8")


def validate(found: dict[str, Any], path: str) -> dict[str, Any]:
    """The configuration itself, if it is as the schema has it. ConfigError names the place and what would be right."""
    import json

    import jsonschema  # costs more than a whole drift check

    validator = jsonschema.Draft202012Validator(json.loads(text()))
    problems = sorted(validator.iter_errors(found), key=lambda e: [str(p) for p in e.absolute_path])
    for error in problems:
        message, hint = _sentence(error)
        raise ConfigError(f"{path}: {message}", hint=hint)
    return found


def _sentence(error: Any) -> tuple[str, str]:
    """What is wrong, the place first, and what would be right."""
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
    found = repr(error.instance) if not isinstance(error.instance, dict | list) else "this"
    if error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
        known = sorted(error.schema["properties"])
        unknown = sorted(set(error.instance) - set(known))[0]
        place = f"{where}.{unknown}" if where else unknown
        return f"{place}: there is no such key", f"the keys there are {', '.join(known)}"
    sentences: dict[str, Callable[[Any], tuple[str, str]]] = {
        "type": lambda v: (
            f"{found} is no {_either(v)}",
            f"a value of type {_either(v)} belongs there; quote a string that looks like a number",
        ),
        "enum": lambda v: (f"{found} is not one of the choices", "one of " + ", ".join(str(c) for c in v)),
        "pattern": lambda v: (f"{found} cannot be taken", f"it has to match {v}"),
        "minItems": lambda v: ("it is empty", f"at least {v}"),
        "not": lambda v: (f"{found} is taken by docker itself", "choose another name"),
    }
    plain = sentences.get(str(error.validator))
    message, hint = plain(error.validator_value) if plain else (error.message, "see `provisioner schema`")
    return f"{where or 'the file'}: {message}", hint


def _either(types: str | list[str]) -> str:
    return types if isinstance(types, str) else " or ".join(types)
