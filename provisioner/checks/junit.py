"""A check's result as JUnit XML. The host is a test suite and each key is a test case.

Drift is a failure, an unknown value is an error, and blocked drift is skipped. An interrupted apply is a separate
test case that fails.
"""

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from provisioner.text.states import differing

CHECK = {"resource": "check", "key": "could look"}
CUT_OFF = "it was cut off: `provisioner rollback` undoes it, and so does the next apply"


def render(result: dict[str, Any]) -> str:
    """Return one document that contains only characters that XML 1.0 allows."""
    failed = [d for d in result["differences"] if not d["blocked"]]
    blocked = [d for d in result["differences"] if d["blocked"]]
    errors = [result["error"]] if result["error"] else []
    cut = [{"resource": "apply", "key": f"receipt {n}"} for n in (result["interrupted"],) if n]
    rows = [
        *((CHECK, _child("error", e["message"], f"{e['code']} since {e['since']}: {e['hint']}")) for e in errors),
        *((c, _child("failure", CUT_OFF, "")) for c in cut),
        *((w, "") for w in result["as_wanted"]),
        *((d, _child("failure", differing(d["have"], d["want"]), _more(d))) for d in failed),
        *((d, _child("skipped", f"blocked: {d['blocked']['message']}", "")) for d in blocked),
        *((u, _child("error", u["reason"], "")) for u in result["unknown"]),
    ]
    cases = [f"    <testcase classname={_attr(r['resource'])} name={_attr(r['key'])}>{c}</testcase>" for r, c in rows]
    suite = (
        f'  <testsuite name={_attr(result["host"]["name"])} tests="{len(rows)}" failures="{len(failed) + len(cut)}"'
        f' errors="{len(result["unknown"]) + len(errors)}" skipped="{len(blocked)}" time="{result["duration_seconds"]}"'
        f" timestamp={_attr(result['time'])}>"
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([head, '<testsuites name="provisioner check">', suite, *cases, "  </testsuite>", "</testsuites>"])


def _more(d: dict[str, Any]) -> str:
    return " ".join(f"{name}={d[name]}" for name in ("cause", "since") if d[name])


def _child(kind: str, message: str, text: str) -> str:
    return f"<{kind} message={_attr(message)}>{escape(_plain(text))}</{kind}>"


def _attr(text: Any) -> str:
    return quoteattr(_plain(str(text)))


def _plain(text: str) -> str:
    """Replace the characters that XML 1.0 cannot represent."""
    return "".join(
        c if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe") else "?" for c in text
    )
