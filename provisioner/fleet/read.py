"""Read the results of many hosts from files, folders and NDJSON streams. The input is not trusted.

Problems are counted and never stop a report.
"""

from collections.abc import Iterator

from provisioner.fleet import alike
from provisioner.fleet.results import TRUNCATED, Host, Problem
from provisioner.host import streams

BEGINS, ENDS = b"{", b"}"  # the first and the last line of a document that spans lines
LONG = "too long to be a result"
UNREADABLE = "unreadable"
EMPTY = "empty"
PROSE = 10_000  # lines without JSON at the start of a file, such as a page's, that are one problem if nothing follows


def hosts(sources: list[str]) -> Iterator[Host | Problem]:
    """Read every result from the sources, and every problem."""
    for source in sources:
        for path, reason in streams.files(source):
            if reason:
                yield Problem(UNREADABLE, f"{path}: {reason}")
            else:
                yield from _file(path)


def _file(path: str) -> Iterator[Host | Problem]:
    """Read one file or stream. Each document is on one line or spans several lines, and documents follow each other."""
    name = "stdin" if path == "-" else path
    number, prose, only = 0, list[Problem](), True
    try:
        for number, text in _documents(path):
            if not text.strip():
                continue
            place = f"{name}:{number}" if number > 1 or path == "-" else name
            found = Problem(LONG, place) if len(text) > streams.LINE else alike.result(text, place)
            if only and isinstance(found, Problem) and found.kind == TRUNCATED and text[:1] != b"{":
                prose.append(found)
                only = len(prose) < PROSE
                if only:
                    continue
                found = prose.pop()
            yield from prose
            prose, only = [], False
            yield found
        yield from prose if len(prose) < 2 else (Problem(TRUNCATED, f"{name}: all of it"),)
    except OSError as e:
        yield Problem(UNREADABLE, f"{name}: {e.strerror}")
        return
    if not number:
        yield Problem(EMPTY, name)


def _documents(path: str) -> Iterator[tuple[int, bytes]]:
    """Return each document with the number of its first line. A document that is too long is cut off.

    In a document that spans lines, all lines but the first and the last are indented. An incomplete document therefore
    ends where the next one starts.
    """
    first, size, document = 0, 0, list[bytes]()
    for number, line in enumerate(streams.lines(path), 1):
        edge = line.rstrip()
        if document and (edge == ENDS or line[:1].isspace()):
            if size <= streams.LINE:
                document.append(line)
                size += len(line)
            if edge == ENDS:
                yield first, b"".join(document)
                document = []
            continue
        if document:
            yield first, b"".join(document)
            document = []
        if edge == BEGINS:
            first, size, document = number, len(line), [line]
        else:
            yield number, line
    if document:
        yield first, b"".join(document)
