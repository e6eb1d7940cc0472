"""Hide secrets in all output: passwords in the addresses of proxies and registries, tokens, credentials.

All output goes through this module, so that a new renderer cannot forget it. Hidden text becomes ``***``.
"""

from collections.abc import Iterator

from provisioner.typed import Any

HIDDEN = "***"

# A text without any of these strings holds no secret that the patterns know. A check in sync then compiles no pattern.
_HINTS = (
    *("@", "auth", "basic", "bearer", "key", "pass", "secret", "token"),
    *("akia", "eyj", "glpat-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "oat_", "pat_", "xox"),
)
# Every repetition that more text follows has an upper bound. Without one, a malicious text could take hours to match.
_WORD = r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_PLAIN = ("auth", "authorization")  # names that are secret only as a whole
_NAME = rf"(?:[\w.\-]{{0,99}}{_WORD}[\w.\-]{{0,99}}|{'|'.join(_PLAIN)})"
_NAMED = rf"(?i)((?<![\w.\-])\"?{_NAME}\"?\s{{0,9}}[=:]\s{{0,9}})"
_SHAPES = (
    (r"(?i)\b(bearer|basic)\s{1,9}[A-Za-z0-9+/=_.\-]{8,}", rf"\1 {HIDDEN}"),
    (r"(?i)([a-z][a-z0-9+.\-]{0,30}://)([^\s\"'<>]*)", lambda found: _address(found[1], found[2])),
    # Match up to the closing quote, or to the end of the line if no quote closes the text.
    (rf"{_NAMED}([\"'])(?:((?:(?!\2)[^\\]|\\.){{0,9999}})\2|.*)", rf"\1\2{HIDDEN}\2"),
    (rf"{_NAMED}(?!//)[^\s,;\[{{\"'][^\s,;]*", rf"\1{HIDDEN}"),
    (rf"(?i)(--{_NAME}\s{{1,9}})\S+", rf"\1{HIDDEN}"),
    (r"(?<![\w/])([\w.\-]{1,99}):[^\s@/:\"'`]{3,999}@(?!sha\d)", rf"\1:{HIDDEN}@"),  # a login without a scheme
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|dckr_pat_|dckr_oat_|xox[abprs]-|AKIA)[A-Za-z0-9_\-]{8,}", HIDDEN),
    (r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*", HIDDEN),
)


# Values that were read under a secret's name. They are hidden wherever they appear, in any message.
_learned: set[str] = set()
# Minimum lengths in letters and in digits. A shorter value is hidden only by its name.
_SHORTEST, _DIGITS = 4, 6


def learn(found: Any) -> None:
    """Remember every secret in data that was read: a JSON value, or pairs of name and value."""
    if isinstance(found, dict):
        for name, below in found.items():
            if named(str(name)):
                _learned.update(spelling for word in _strings(below) for spelling in _spellings(word))
            else:
                learn(below)
    elif isinstance(found, list | tuple):
        for before, below in zip(("", *found), found, strict=False):
            if option(before):
                _learned.update(spelling for word in _strings(below) for spelling in _spellings(word))
            else:
                learn(below)


def option(word: Any) -> bool:
    """Whether an argument is an option whose next argument is a secret, such as ``--api-key``."""
    return isinstance(word, str) and word.startswith("-") and "=" not in word and named(word.lstrip("-"))


def forget() -> None:
    """Forget all learned secrets, so that runs in one process do not affect each other."""
    _learned.clear()


def _strings(found: Any) -> Iterator[str]:
    """Yield every string in a JSON value, and every number as a string."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list | tuple):
        for below in found:
            yield from _strings(below)
    elif isinstance(found, str) and len(found) >= _SHORTEST:
        yield found
    elif isinstance(found, int | float) and len(str(found)) >= _DIGITS:
        yield str(found)


def _spellings(word: str) -> Iterator[str]:
    """Yield the spellings of a secret: plain, in JSON, in an address."""
    from json import dumps
    from urllib.parse import quote

    for spelling in (word, word.strip(), dumps(word)[1:-1], dumps(word, ensure_ascii=False)[1:-1]):
        if len(spelling) >= _SHORTEST:
            yield spelling
    yield quote(word, safe="", errors="surrogatepass")


def suspicious(said: str) -> bool:
    """Whether a text may contain a secret at all."""
    lower = said.lower()
    return any(hint in lower for hint in _HINTS) or any(word in said for word in _learned)


def text(said: str) -> str:
    """Return a text with its secrets hidden."""
    if not suspicious(said):
        return said
    import re  # compiling its patterns costs a check in sync more than printing its output

    for word in sorted(_learned, key=len, reverse=True):  # one secret may be part of another
        start, end = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
        said = re.sub(f"{start}{re.escape(word)}{end}", HIDDEN, said) if len(word) < 8 else said.replace(word, HIDDEN)
    for pattern, instead in _SHAPES:
        said = re.sub(pattern, instead, said)
    return said


def _address(scheme: str, rest: str) -> str:
    """Hide user and password in an address. They may contain @ and a slash, so hide everything up to the last @."""
    return f"{scheme}{HIDDEN}@{rest.rpartition('@')[2]}" if "@" in rest else scheme + rest


def named(name: str) -> bool:
    """Whether a name marks its value as a secret, regardless of the value."""
    if not suspicious(name):
        return False
    import re

    start, lower = len(name), name.lower()
    while start and (name[start - 1].isalnum() or name[start - 1] in "_.-"):
        start -= 1
    last = lower[start:] if not start or name[start - 1] == " " else lower[start:].partition(".")[2]
    return re.search(_WORD, last) is not None or last.rpartition(".")[2] in _PLAIN


def word(argument: str) -> str:
    """Hide the secret in one argument of a command line. The value after ``password=`` may contain spaces."""
    name, equals, value = argument.strip('"').rpartition("=") if argument.count("=") == 1 else argument.partition("=")
    return f"{name}={HIDDEN}" if equals and value and named(name) else text(argument)


def value(name: str, found: Any) -> Any:
    """Return a value, hidden if its name or its appearance marks it as a secret."""
    if named(name):
        return _covered(found)
    return everywhere(found)


def _covered(found: Any) -> Any:
    """Hide every string and number of a secret value and keep only its structure."""
    if isinstance(found, dict):
        return {k: _covered(v) for k, v in found.items()}
    if isinstance(found, list | tuple):
        return [_covered(v) for v in found]
    return HIDDEN if found and not isinstance(found, bool) else found


def everywhere(found: Any) -> Any:
    """Return a JSON value with every secret hidden, by the name of its key, by its row's ``key``, or by its look."""
    if isinstance(found, str):
        return text(found)
    if isinstance(found, dict):
        row = str(found.get("key") or "")
        return {
            k: (value(row, v) if row and k in ("want", "have") else value(k, v)) if k != "key" else v
            for k, v in found.items()
        }
    if isinstance(found, list | tuple):
        return [_covered(v) if option(w) else everywhere(v) for w, v in zip(("", *found), found, strict=False)]
    return found
