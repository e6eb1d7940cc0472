"""Remove the byte order mark of a text before an edit, and restore it afterwards.

A text comes from ``Reader.read``: UTF-8, with other bytes as surrogates, so that no byte is lost. Since 23.0, dockerd
accepts UTF-8 and UTF-16 with a mark (moby's ``BOMOverride``).
"""

from provisioner.errors import ConfigError

UTF8 = "\ufeff"
UTF16 = (("\udcff\udcfe", "utf-16-le"), ("\udcfe\udcff", "utf-16-be"))


def unwrap(text: str, path: str) -> tuple[str, str]:
    """Return the byte order mark of a text and the text after it.

    Raises: ConfigError if the text is not in the encoding that its mark announces.
    """
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
    """Undo ``unwrap``: put the byte order mark back."""
    codec = _codec(mark)
    return mark + (text if codec is None else text.encode(codec).decode("utf-8", "surrogateescape"))


def _codec(mark: str) -> str | None:
    return next((codec for known, codec in UTF16 if known == mark), None)
