"""Parse and write binfmt_misc texts: the kernel's entries, and the lines of binfmt.d that register them.

Sources: fs/binfmt_misc.c and Documentation/admin-guide/binfmt-misc.rst of Linux, binfmt.d(5) and src/binfmt of systemd.
If two entries match a file, the one registered last wins.
"""

from provisioner.errors import ProvisionerError
from provisioner.platforms.table import Platform
from provisioner.typed import NamedTuple

DIGITS = b"0123456789abcdefABCDEF"
FLAGS = "POCF"  # in the order in which the kernel prints them
HEAD = 256  # the kernel examines this many bytes of a file (BINPRM_BUF_SIZE; 128 before Linux 5.1)
# Bytes. Until 2017, the kernel copied the path into a buffer of 128 bytes and silently cut a longer one.
PATH = 127
NAME = 255  # bytes of a file name


class Entry(NamedTuple):
    """An entry of the kernel's table. ``mask`` is as long as ``magic``. An entry by extension has neither."""

    enabled: bool
    interpreter: str
    flags: str
    offset: int
    magic: bytes
    mask: bytes
    extension: str = ""


class Rule(NamedTuple):
    """One line of binfmt.d. ``type`` is M (by magic) or E (by extension). The mask is as long as the magic."""

    name: str
    type: str
    offset: int
    magic: bytes
    mask: bytes
    interpreter: str
    flags: str
    extension: str = ""


def parse_entry(text: str) -> Entry:
    """Parse the text of /proc/sys/fs/binfmt_misc/<entry>.

    Raises: ValueError if the kernel did not write this text.
    """
    state, *lines = text.rstrip("\n").split("\n")
    fields = {key: value for key, _, value in (line.partition(" ") for line in lines)}
    whole = {"interpreter", "flags:"} <= fields.keys() and fields.keys() & {"magic", "extension"}
    if state not in ("enabled", "disabled") or not whole:
        raise ValueError(f"{state!r} does not begin an entry of binfmt_misc")
    magic = bytes.fromhex(fields.get("magic", ""))
    return Entry(
        enabled=state == "enabled",
        interpreter=fields["interpreter"],
        flags=fields["flags:"],
        offset=int(fields.get("offset", "0")),
        magic=magic,
        mask=_mask(bytes.fromhex(fields.get("mask", "")), magic),
        extension=fields.get("extension", "").removeprefix("."),
    )


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Return the rules of a binfmt.d file. Lines that the kernel would reject have no effect and are left out."""
    rules = []
    for line in text.split("\n"):
        rule = line.strip(" \t\r")
        if rule and rule[0] not in "#;":
            try:
                rules.append(parse_rule(rule))
            except ValueError:
                continue
    return tuple(rules)


def parse_rule(line: str) -> Rule:
    """Parse ``:name:type:offset:magic:mask:interpreter:flags``. The first character is the delimiter.

    A delimiter that is a hexadecimal digit could also appear in an escape. Nobody uses such a delimiter, and this
    function treats the line as one with the wrong number of fields.

    Raises: ValueError if the kernel would reject the line.
    """
    fields = line[1:].split(line[:1] or ":")
    if len(fields) != 7:
        raise ValueError(f"a rule has 7 fields, {line!r} has {len(fields)}")
    name, kind, offset, magic, mask, interpreter, flags = fields
    if name in ("", ".", "..") or "/" in name or not interpreter or kind not in ("M", "E") or set(flags) - set(FLAGS):
        raise ValueError(f"the kernel takes no name, type, interpreter or flags like those of {line!r}")
    if kind == "E":
        if not magic or "/" in magic:
            raise ValueError(f"{magic!r} is not the extension of a file name")
        return Rule(name, kind, 0, b"", b"", interpreter, flags, magic)
    pattern = _unescape(magic)
    start = _offset(offset)
    if not pattern or start + len(pattern) > HEAD:
        raise ValueError(f"the magic of {line!r} does not lie within the first {HEAD} bytes of a file")
    return Rule(name, kind, start, pattern, _mask(_unescape(mask), pattern), interpreter, flags)


def _offset(text: str) -> int:
    """Parse an offset as the kernel does: decimal ASCII digits, with an optional sign.

    Returns: the offset, or HEAD if it is not valid, because the kernel rejects that offset.
    """
    digits = text.removeprefix("+").removeprefix("-") if text[:2] not in ("+-", "-+") else "x"
    if text and not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return HEAD
    found = int(text or "0")
    return found if found >= 0 else HEAD


def serves(magic: bytes, mask: bytes, offset: int, header: bytes) -> bool:
    """Whether the kernel would pass a file that starts with ``header`` to an enabled entry.

    ``header`` must be the first 256 bytes, or the whole file if it is shorter, because the kernel pads it with zeros.
    An entry by extension has no magic and never matches here.
    """
    found = header[offset : offset + len(magic)].ljust(len(magic), b"\0")
    return bool(magic) and not any((a ^ b) & m for a, b, m in zip(found, magic, mask, strict=True))


def registration_line(platform: Platform, interpreter: str, flags: str, *, name: str | None = None) -> str:
    """Return the line, without a newline, that registers an interpreter for a platform in binfmt.d or with the kernel.

    ``name`` is the name of the entry. The default is QEMU's own, such as qemu-aarch64.

    Raises: ProvisionerError if no emulator runs the platform, or if a name, path or flag would change the line's
    meaning.
    """
    entry = name or platform.emulator
    if platform.emulator is None or entry is None:
        raise ProvisionerError(f"{platform.name}: no emulator runs it", hint="it can be built for, but not run here")
    if entry in (".", "..", "register", "status") or not _plain(entry, NAME) or "/" in entry:
        hint = "use letters, digits, dots, dashes and underscores"
        raise ProvisionerError(f"{entry!r} cannot name an entry of binfmt_misc", hint=hint)
    if not interpreter.startswith("/") or not _plain(interpreter, PATH):
        hint = f"use an absolute path of at most {PATH} bytes without colons and control characters"
        raise ProvisionerError(f"{interpreter!r} cannot be an interpreter of binfmt_misc", hint=hint)
    if set(flags) - set(FLAGS) or len(set(flags)) != len(flags):
        raise ProvisionerError(f"{flags!r} are not flags of binfmt_misc", hint=f"choose from {FLAGS}, each once")
    return f":{entry}:M::{_escape(platform.magic)}:{_escape(platform.mask)}:{interpreter}:{flags}"


def line(name: str, entry: Entry) -> str:
    """Return the line that registers an existing entry again, to undo a change to another owner's entry.

    The F flag cannot be restored exactly: the kernel opens the interpreter again, and the file may have changed.
    """
    written = b"" if set(entry.mask) <= {0xFF} else entry.mask  # an entry without a mask stays without one
    extension, hexed = entry.extension, ("".join(f"\\x{b:02x}" for b in data) for data in (entry.magic, written))
    kind, offset, (magic, mask) = ("E", "", (extension, "")) if extension else ("M", str(entry.offset), hexed)
    taken = f"{name}{extension}{entry.interpreter}"
    delimiter = next((d for d in ":|%,;" if d not in taken), ":")
    return delimiter + delimiter.join((name, kind, offset, magic, mask, entry.interpreter, entry.flags))


def _plain(text: str, limit: int) -> bool:
    return text.isprintable() and ":" not in text and 0 < len(text.encode()) <= limit


def _mask(mask: bytes, magic: bytes) -> bytes:
    """Return the mask of a magic. Without a mask, every bit counts."""
    if mask and len(mask) != len(magic):
        raise ValueError(f"the mask has {len(mask)} bytes, the magic has {len(magic)}")
    return mask or b"\xff" * len(magic)


def _escape(data: bytes) -> str:
    return "".join(chr(b) if chr(b).isascii() and chr(b).isalpha() else f"\\x{b:02x}" for b in data)


def _unescape(text: str) -> bytes:
    """Unescape the bytes of a field as the kernel does.

    ``\\x`` and two hexadecimal digits stand for one byte. Any other backslash stands for itself and consumes the next
    character, so that what follows ``\\\\`` is not an escape.

    Raises: ValueError if two digits do not follow a ``\\x``.
    """
    left = text.encode("utf-8", "surrogateescape")
    if any(len(after) < 2 or after[:2].strip(DIGITS) for after in left.split(b"\\x")[1:]):
        raise ValueError(f"two hexadecimal digits belong after each \\x of {text!r}")
    found = b""
    while left:
        before, slash, left = left.partition(b"\\")
        size = 3 if left[:1] == b"x" else 1  # of what the backslash consumes
        found += before + (bytes.fromhex(left[1:3].decode()) if size == 3 else slash + left[:1])
        left = left[size:]
    return found
