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
_WORD = r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_NAME = rf"(?:[\w.\-]*{_WORD}[\w.\-]*|auth|authorization)"
_NAMED = rf"(?i)((?<![\w.\-])\"?{_NAME}\"?\s*[=:]\s*)"
_SHAPES = (
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.\-]{8,}", rf"\1 {HIDDEN}"),
    # scheme://user:password@host; a password may hold an @ and a slash, so everything up to the last @ of the word
    (r"(?i)([a-z][a-z0-9+.\-]*://)[^\s\"'<>]*@", rf"\1{HIDDEN}@"),
    (rf"{_NAMED}([\"'])(?:(?!\2)[^\\]|\\.)*\2", rf"\1\2{HIDDEN}\2"),
    (rf"{_NAMED}(?!//)[^\s,;\[{{\"'][^\s,;]*", rf"\1{HIDDEN}"),
    (rf"(?i)(--{_NAME}\s+)\S+", rf"\1{HIDDEN}"),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|dckr_pat_|dckr_oat_|xox[abprs]-|AKIA)[A-Za-z0-9_\-]{8,}", HIDDEN),
    (r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*", HIDDEN),
)


def text(said: str) -> str:
    """A text without the secrets in it."""
    lower = said.lower()
    if not any(hint in lower for hint in _HINTS):
        return said
    import re  # its patterns cost a check in sync more than all that it says

    for pattern, instead in _SHAPES:
        said = re.sub(pattern, instead, said)
    return said


def named(name: str) -> bool:
    """Whether what bears this name is a secret, whatever it looks like."""
    lower = name.lower()
    if not any(hint in lower for hint in _HINTS):
        return False
    import re

    return re.fullmatch(rf"(?i)(?:.*[ .])?{_NAME}", name) is not None


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
