"""Builds the website from docs/ and the schema with Sphinx: ``python -m release.site TARGET``.

It copies the sources first, so that no generated file ends up among them.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release import layout
from release.version import ROOT

SCHEMA = ROOT / "provisioner/config/schema.json"
# Labels that a screen reader needs and that the theme leaves out.
NAMED = {
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
        for path in (*ROOT.glob("docs/*.md"), *ROOT.glob("docs/site/*")):
            shutil.copy(path, source)
        for page in source.glob("*.md"):
            page.write_text(EDITED.sub(f"]({layout.url()}/blob/main/", page.read_text()))
        index = source / "index.md"
        index.write_text(_complete(index.read_text(), sorted(page.stem for page in source.glob("*.md"))))
        (source / "configuration.md").write_text(configuration(json.loads(SCHEMA.read_text())))
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


def configuration(schema: dict[str, Any]) -> str:
    """Return the page about provisioner.yaml."""
    head = f"# Configuration\n\n`/etc/provisioner/provisioner.yaml`. {schema['description']} "
    head += "An unknown setting is an error. `provisioner init` prints all of it with comments.\n"
    return "\n".join((head, *(part for part in _settings(schema["properties"], ""))))


def _settings(properties: dict[str, Any], above: str) -> Iterator[str]:
    for name, rule in properties.items():
        path = f"{above}{name}"
        yield f"{'##' if not above else '###'} {path}\n\n{rule.get('description', 'See `provisioner schema`.')}\n"
        if choices := rule.get("enum"):
            yield f"One of: {', '.join(f'`{choice}`' for choice in choices)}.\n"
        if "default" in rule:
            yield f"Default: `{json.dumps(rule['default'])}`\n"
        yield from _settings(rule.get("properties", {}), f"{path}.")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
