"""Hide secrets in whatever is said: passwords in addresses of proxies and registries, tokens, credentials.

One place for every output, so that a new renderer cannot forget it. What is hidden becomes ``***``.
"""

from provisioner.typed import Any

HIDDEN = "***"

# A text without any of these holds no secret that the patterns know; a check in sync then compiles none of them.
_HINTS = (
    *("@", "auth", "basic", "bearer", "key", "pass", "secret", "token"),
    *("akia", "eyj", "glpat-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "oat_", "pat_", "xox"),
)
# Every repetition that is followed by more has an end, or a text that somebody made for it would take hours.
_WORD = r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_PLAIN = ("auth", "authorization")  # names that are secrets only as a whole
_NAME = rf"(?:[\w.\-]{{0,99}}{_WORD}[\w.\-]{{0,99}}|{'|'.join(_PLAIN)})"
_NAMED = rf"(?i)((?<![\w.\-])\"?{_NAME}\"?\s{{0,9}}[=:]\s{{0,9}})"
_SHAPES = (
    (r"(?i)\b(bearer|basic)\s{1,9}[A-Za-z0-9+/=_.\-]{8,}", rf"\1 {HIDDEN}"),
    (r"(?i)([a-z][a-z0-9+.\-]{0,30}://)([^\s\"'<>]*)", lambda found: _address(found[1], found[2])),
    # up to the quote that closes it; where there is none, to the end of the line
    (rf"{_NAMED}([\"'])(?:((?:(?!\2)[^\\]|\\.){{0,9999}})\2|.*)", rf"\1\2{HIDDEN}\2"),
    (rf"{_NAMED}(?!//)[^\s,;\[{{\"'][^\s,;]*", rf"\1{HIDDEN}"),
    (rf"(?i)(--{_NAME}\s{{1,9}})\S+", rf"\1{HIDDEN}"),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|dckr_pat_|dckr_oat_|xox[abprs]-|AKIA)[A-Za-z0-9_\-]{8,}", HIDDEN),
    (r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*", HIDDEN),
)


def suspicious(said: str) -> bool:
    """Whether a text may hold a secret at all."""
    lower = said.lower()
    return any(hint in lower for hint in _HINTS)


def text(said: str) -> str:
    """A text without the secrets in it."""
    if not suspicious(said):
        return said
    import re  # its patterns cost a check in sync more than all that it says

    for pattern, instead in _SHAPES:
        said = re.sub(pattern, instead, said)
    return said


def _address(scheme: str, rest: str) -> str:
    """An address without user and password, which may hold an @ and a slash: so all up to the last @ of the word."""
    return f"{scheme}{HIDDEN}@{rest.rpartition('@')[2]}" if "@" in rest else scheme + rest


def named(name: str) -> bool:
    """Whether what bears this name is a secret, whatever it looks like."""
    if not suspicious(name):
        return False
    import re

    start, lower = len(name), name.lower()
    while start and (name[start - 1].isalnum() or name[start - 1] in "_.-"):
        start -= 1
    last = lower[start:] if not start or name[start - 1] == " " else lower[start:].partition(".")[2]
    return re.search(_WORD, last) is not None or last.rpartition(".")[2] in _PLAIN


def word(argument: str) -> str:
    """One argument of a command line: what follows ``password=`` may hold spaces."""
    name, equals, value = argument.strip('"').rpartition("=") if argument.count("=") == 1 else argument.partition("=")
    return f"{name}={HIDDEN}" if equals and value and named(name) else text(argument)


def value(name: str, found: Any) -> Any:
    """A value, hidden where its name or its look says that it is a secret."""
    if isinstance(found, str):
        return HIDDEN if found and named(name) else text(found)
    return everywhere(found)


def everywhere(found: Any) -> Any:
    """A JSON value with every secret in it hidden: by the name of its key, of its row's ``key``, or by its look."""
    if isinstance(found, str):
        return text(found)
    if isinstance(found, dict):
        row = str(found.get("key") or "")
        return {
            k: (value(row, v) if row and k in ("want", "have") else value(k, v)) if k != "key" else v
            for k, v in found.items()
        }
    if isinstance(found, list | tuple):
        return [everywhere(v) for v in found]
    return found
