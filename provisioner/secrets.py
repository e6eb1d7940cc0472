"""Hide secrets in whatever is said: passwords in addresses of proxies and registries, tokens, credentials.

One place for every output, so that a new renderer cannot forget it. What is hidden becomes ``***``.
"""

from collections.abc import Iterator

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
    (r"(?<![\w/])([\w.\-]{1,99}):[^\s@/:\"'`]{3,999}@(?!sha\d)", rf"\1:{HIDDEN}@"),  # a login without a scheme
    # what our own sentences say: set NAME to VALUE, NAME is VALUE, was VALUE
    (
        rf"(?i)((?<![\w.\-]){_NAME}\s(?:to|is|was|from)\s)(\"(?:[^\"\\]|\\.){{0,9999}}\"|[^\s,;\"][^\s,;]*)",
        rf"\1{HIDDEN}",
    ),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|dckr_pat_|dckr_oat_|xox[abprs]-|AKIA)[A-Za-z0-9_\-]{8,}", HIDDEN),
    (r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*", HIDDEN),
)


# Values that were read below a secret's name: they are hidden wherever they stand, in whatever sentence.
_learned: set[str] = set()
_SHORTEST, _DIGITS = 4, 6  # letters, digits; what is shorter is hidden by its name alone


def learn(found: Any) -> None:
    """Remember every secret in what was read, a configuration or a file: a JSON value, or pairs of name and value."""
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
    """Whether a word of a command line is an option that a secret follows, as ``--api-key`` is."""
    return isinstance(word, str) and word.startswith("-") and "=" not in word and named(word.lstrip("-"))


def forget() -> None:
    """Forget what was learned: what another run of this process has read is none of this one's."""
    _learned.clear()


def _strings(found: Any) -> Iterator[str]:
    """Every string, and every number as one, in a JSON value."""
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
    """A secret as it stands in texts: as it is, in JSON, in an address."""
    from json import dumps
    from urllib.parse import quote

    for spelling in (word, word.strip(), dumps(word)[1:-1], dumps(word, ensure_ascii=False)[1:-1]):
        if len(spelling) >= _SHORTEST:
            yield spelling
    yield quote(word, safe="", errors="surrogatepass")


def suspicious(said: str) -> bool:
    """Whether a text may hold a secret at all."""
    lower = said.lower()
    return any(hint in lower for hint in _HINTS) or any(word in said for word in _learned)


def text(said: str) -> str:
    """A text without the secrets in it."""
    if not suspicious(said):
        return said
    import re  # its patterns cost a check in sync more than all that it says

    for word in sorted(_learned, key=len, reverse=True):  # one may be a part of another
        start, end = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
        said = re.sub(f"{start}{re.escape(word)}{end}", HIDDEN, said) if len(word) < 8 else said.replace(word, HIDDEN)
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
    if named(name):
        return _covered(found)
    return everywhere(found)


def _covered(found: Any) -> Any:
    """A value of a secret's: no word and no number of it is shown, only its form."""
    if isinstance(found, dict):
        return {k: _covered(v) for k, v in found.items()}
    if isinstance(found, list | tuple):
        return [_covered(v) for v in found]
    return HIDDEN if found and not isinstance(found, bool) else found


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
        return [_covered(v) if option(w) else everywhere(v) for w, v in zip(("", *found), found, strict=False)]
    return found
