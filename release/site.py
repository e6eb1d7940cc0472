"""Builds the website from docs/ and the program's own tables with Sphinx: ``python -m release.site TARGET``.

It copies the sources first, so that no generated file ends up among them.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from release import layout, reference
from release.version import ROOT

# What the theme leaves out: labels for a screen reader, and a way to scroll code and tables with the keyboard.
NAMED = {
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper ': '<div tabindex="0" class="table-wrapper ',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    '<aside class="toc-drawer no-toc">': '<aside class="toc-drawer no-toc" aria-label="On this page">',
}
EDITED = re.compile(r"\]\(\.\./")  # a link that leaves docs/; on the site it points to the source repository


def build(target: Path) -> None:
    """Write the site.

    Raises: CalledProcessError if a link is broken, or if a page is in no table of contents.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shutil.copytree(ROOT / "docs/site", source, dirs_exist_ok=True)
        shutil.copytree(ROOT / "docs/pictures", source / "pictures")
        for path in ROOT.glob("docs/*.md"):
            shutil.copy(path, source)
        for page in source.glob("*.md"):
            page.write_text(EDITED.sub(f"]({layout.url()}/blob/main/", page.read_text()))
        reference.write(source)
        index = source / "index.md"
        index.write_text(_complete(index.read_text(), sorted(page.stem for page in source.glob("*.md"))))
        argv = (sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(source), str(target))
        subprocess.run(argv, check=True)
    for page in target.rglob("*.html"):
        text = page.read_text()
        for old, new in NAMED.items():
            text = text.replace(old, new)
        page.write_text(text)


def _complete(index: str, pages: list[str]) -> str:
    """Return the index with every page in it. A page that is not listed yet replaces the line MORE."""
    listed = index.split()
    return index.replace("MORE\n", "".join(f"{page}\n" for page in pages if page not in (*listed, "index")))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
