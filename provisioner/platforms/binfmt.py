"""The texts of binfmt_misc: the kernel's entries, and the lines of binfmt.d that register them. Text in, text out.

Facts: fs/binfmt_misc.c and Documentation/admin-guide/binfmt-misc.rst of Linux, binfmt.d(5) and src/binfmt of systemd.
Where two entries match, the one registered last wins.
"""

from provisioner.errors import ProvisionerError
from provisioner.platforms.table import Platform
from provisioner.typed import NamedTuple

FLAGS = "POCF"  # in the order in which the kernel prints them
HEAD = 256  # the kernel looks at this much of a file's beginning (BINPRM_BUF_SIZE; 128 before Linux 5.1)
PATH = 127  # bytes; kernels that copied the path into a buffer of 128 (until 2017) cut a longer one without a word
NAME = 255  # bytes of a file name


class Entry(NamedTuple):
    """What the kernel says of one entry. ``mask`` is as long as ``magic``; an entry by extension has neither."""

    enabled: bool
    interpreter: str
    flags: str
    offset: int
    magic: bytes
    mask: bytes
    extension: str = ""


class Rule(NamedTuple):
    """One line of binfmt.d. ``type`` is M, by magic, or E, by extension; the mask is as long as the magic."""

    name: str
    type: str
    offset: int
    magic: bytes
    mask: bytes
    interpreter: str
    flags: str
    extension: str = ""


def parse_entry(text: str) -> Entry:
    """Read /proc/sys/fs/binfmt_misc/<entry>. ValueError: this is no text of the kernel's."""
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
    """The rules of a file of binfmt.d; a line that the kernel would refuse has no effect and is left out."""
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
    """Read ``:name:type:offset:magic:mask:interpreter:flags``; the first character is the delimiter.

    ValueError: the kernel would refuse it. (A delimiter that is a hexadecimal digit could stand in an escape; nobody
    does that, and here such a line has the wrong number of fields.)
    """
    fields = line[1:].split(line[:1] or ":")
    if len(fields) != 7:
        raise ValueError(f"a rule has 7 fields, {line!r} has {len(fields)}")
    name, kind, offset, magic, mask, interpreter, flags = fields
    if name in ("", ".", "..") or "/" in name or not interpreter or kind not in ("M", "E") or set(flags) - set(FLAGS):
        raise ValueError(f"the kernel takes no name, type, interpreter or flags like those of {line!r}")
    if kind == "E":
        if not magic or "/" in magic:
            raise ValueError(f"{magic!r} is no extension of a file name")
        return Rule(name, kind, 0, b"", b"", interpreter, flags, magic)
    pattern = _unescape(magic)
    start = _offset(offset)
    if not pattern or start + len(pattern) > HEAD:
        raise ValueError(f"the magic of {line!r} does not lie within the first {HEAD} bytes of a file")
    return Rule(name, kind, start, pattern, _mask(_unescape(mask), pattern), interpreter, flags)


def _offset(text: str) -> int:
    """An offset as the kernel reads it: decimal ASCII digits, maybe a sign. HEAD, where nothing fits: it refuses it."""
    digits = text.removeprefix("+").removeprefix("-") if text[:2] not in ("+-", "-+") else "x"
    if text and not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return HEAD
    found = int(text or "0")
    return found if found >= 0 else HEAD


def serves(magic: bytes, mask: bytes, offset: int, header: bytes) -> bool:
    """Whether an enabled entry would get a file that begins with ``header``, compared as the kernel does.

    Hand over the first 256 bytes, or the whole file if it is shorter: the kernel fills up with zeros. An entry by
    extension has no magic and serves nothing here.
    """
    found = header[offset : offset + len(magic)].ljust(len(magic), b"\0")
    return bool(magic) and not any((a ^ b) & m for a, b, m in zip(found, magic, mask, strict=True))


def registration_line(platform: Platform, interpreter: str, flags: str, *, name: str | None = None) -> str:
    """The line, without a newline, that makes an interpreter serve a platform: for binfmt.d and for the kernel alike.

    ``name`` is the entry's, QEMU's own (qemu-aarch64) unless given. ProvisionerError: nothing emulates the platform,
    or a name, path or flag would change what the line means.
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
        raise ProvisionerError(f"{flags!r} are no flags of binfmt_misc", hint=f"choose from {FLAGS}, each once")
    return f":{entry}:M::{_escape(platform.magic)}:{_escape(platform.mask)}:{interpreter}:{flags}"


def line(name: str, entry: Entry) -> str:
    """The line that registers an entry as the kernel has it: what undoes a change to somebody's entry.

    Only F must not be taken literally: the interpreter is opened anew, whatever file stands there by then.
    """
    written = b"" if set(entry.mask) <= {0xFF} else entry.mask  # an entry without one is to be one again
    extension, hexed = entry.extension, ("".join(f"\\x{b:02x}" for b in data) for data in (entry.magic, written))
    kind, offset, (magic, mask) = ("E", "", (extension, "")) if extension else ("M", str(entry.offset), hexed)
    taken = f"{name}{extension}{entry.interpreter}"
    delimiter = next((d for d in ":|%,;" if d not in taken), ":")
    return delimiter + delimiter.join((name, kind, offset, magic, mask, entry.interpreter, entry.flags))


def _plain(text: str, limit: int) -> bool:
    return text.isprintable() and ":" not in text and 0 < len(text.encode()) <= limit


def _mask(mask: bytes, magic: bytes) -> bytes:
    """The mask of a magic, written out: without one every bit counts."""
    if mask and len(mask) != len(magic):
        raise ValueError(f"the mask has {len(mask)} bytes, the magic has {len(magic)}")
    return mask or b"\xff" * len(magic)


def _escape(data: bytes) -> str:
    return "".join(chr(b) if chr(b).isascii() and chr(b).isalpha() else f"\\x{b:02x}" for b in data)


def _unescape(text: str) -> bytes:
    """Bytes of a field as the kernel unescapes them.

    ``\\x`` and two hexadecimal digits stand for one byte. Before anything else a backslash stands for itself and takes
    the next letter along, so that what follows ``\\\\`` is no escape. ValueError: ``\\x`` without two digits.
    """
    import re  # a check of a host without rules of its own needs none

    data = text.encode("utf-8", "surrogateescape")
    if re.search(rb"\\x(?![0-9a-fA-F]{2})", data):
        raise ValueError(f"two hexadecimal digits belong after each \\x of {text!r}")

    def byte(found: re.Match[bytes]) -> bytes:
        return bytes.fromhex(found[1].decode()) if found[1] else found[0]

    return re.sub(rb"(?s)\\(?:x([0-9a-fA-F]{2})|.)", byte, data)
