"""schema.json: the single source for validation, for editors and for `provisioner init`."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

from provisioner.config.problems import Problem, suggestion
from provisioner.text import durations

KINDS = {"array": "list", "object": "mapping", "string": "text", "boolean": "true or false"}
DURATION = durations.PATTERN


def text() -> str:
    """Return the JSON Schema that ships with this program."""
    return files("provisioner.config").joinpath("schema.json").read_text("utf-8")


def problems(found: dict[str, Any]) -> Iterator[Problem]:
    """Find everything in a configuration that does not match the schema."""
    import json

    import jsonschema  # takes longer to import than a whole drift check

    validator = jsonschema.Draft202012Validator(json.loads(text()))
    for error in validator.iter_errors(found):
        yield from _problems(error)


def _problems(error: Any) -> Iterator[Problem]:
    place = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
        known = sorted(error.schema["properties"])
        for unknown in sorted(set(error.instance) - set(known)):
            guess = suggestion(unknown, known)
            yield Problem((*place, unknown), "there is no such key", _and(guess, f"the keys here are {_list(known)}"))
        return
    if error.validator == "required":
        for missing in sorted(set(error.validator_value) - set(error.instance)):
            yield Problem(place, f"`{missing}` is missing", f"add it below {place[-1] if place else 'the top'}")
        return
    sentence = _SENTENCES.get(str(error.validator))
    message, hint = sentence(error) if sentence else (error.message, "see `provisioner schema`")
    yield Problem(place, message, hint)


def _type(error: Any) -> tuple[str, str]:
    wanted = error.validator_value
    names = [KINDS.get(w, w) for w in ([wanted] if isinstance(wanted, str) else wanted)]
    value = error.instance
    message = (
        f"{_shown(value)} is not a {' or a '.join(names)}"
        if "true or false" not in names
        else (f"{_shown(value)} must be true or false")
    )
    if "array" in wanted and not isinstance(value, list | dict):
        return message, f"write it as a list: [{value}]"
    if wanted == "string" and isinstance(value, int | float):
        return message, f'quote it: "{str(value).lower() if isinstance(value, bool) else value}"'
    if wanted == "boolean":
        return message, "write true or false, without quotes"
    if "object" in wanted:
        return message, "write keys below it, each on a line of its own and indented"
    return message, f"write a {' or a '.join(names)} here"


def _enum(error: Any) -> tuple[str, str]:
    choices = [str(c) for c in error.validator_value]
    return f"{_shown(error.instance)} is not one of the choices", _and(
        suggestion(str(error.instance), choices), f"one of {_list(choices)}"
    )


def _pattern(error: Any) -> tuple[str, str]:
    value, key = _shown(error.instance), error.absolute_path[-1] if error.absolute_path else ""
    hint = _EXAMPLES.get(str(key)) or f"it has to match {error.validator_value}"
    return f"{value} cannot be used here", hint


_EXAMPLES = {
    "length": durations.EXAMPLES,
    "start": 'a time of day between "00:00" and "23:59", in quotes',
    "name": "lower-case letters, digits, dots, dashes and underscores; a letter first",
    "image": "a name in lower case with a tag or a digest, for example tonistiigi/binfmt:qemu-v10.2.3",
    "directory": "an absolute path, for example /opt/qemu",
    "zone": "for example Europe/Berlin or UTC",
    "endpoint": "a docker context, ssh://user@host or tcp://host:port",
}
_SENTENCES: dict[str, Callable[[Any], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "minItems": lambda e: ("the list is empty", f"give it {e.validator_value} or more entries, or leave the key out"),
    "maxItems": lambda e: ("the list is too long", f"at most {e.validator_value} entries"),
    "uniqueItems": lambda _: ("an entry appears twice", "keep one of them"),
    "minLength": lambda _: ("the text is empty", "give it a value, or leave the key out"),
    "not": lambda e: (f"{_shown(e.instance)} is a name that docker itself uses", "choose another name"),
}


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "this"
    return "an empty value" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _list(words: list[str]) -> str:
    return ", ".join(words)


def _and(*parts: str) -> str:
    return "; ".join(p for p in parts if p)
