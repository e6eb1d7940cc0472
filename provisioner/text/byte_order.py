"""The byte order mark that a text starts with, taken off for an edit and put on again after it.

A text comes as ``Reader.read`` gives it: UTF-8, other bytes as surrogates, which loses none of them. dockerd takes
UTF-8 and UTF-16 with a mark since 23.0 (moby's ``BOMOverride``).
"""

from provisioner.errors import ConfigError

UTF8 = "\ufeff"
UTF16 = (("\udcff\udcfe", "utf-16-le"), ("\udcfe\udcff", "utf-16-be"))


def unwrap(text: str, path: str) -> tuple[str, str]:
    """A text's mark and what follows it. ConfigError: it does not hold what its mark says."""
    if text.startswith(UTF8):
        return UTF8, text[1:]
    codec = _codec(text[:2])
    if codec is None:
        return "", text
    try:
        return text[:2], text.encode("utf-8", "surrogateescape")[2:].decode(codec)
    except UnicodeDecodeError as e:
        hint = "save it as UTF-8"
        raise ConfigError(f"{path}: line 1, column 1 says {codec}, but byte {e.start + 2} is none", hint=hint) from None


def wrap(mark: str, text: str) -> str:
    """What ``unwrap`` took apart."""
    codec = _codec(mark)
    return mark + (text if codec is None else text.encode(codec).decode("utf-8", "surrogateescape"))


def _codec(mark: str) -> str | None:
    return next((codec for known, codec in UTF16 if known == mark), None)
