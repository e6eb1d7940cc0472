"""The output formats of a check's result. Each renderer is a pure function, imported only when it is needed."""

from collections.abc import Callable

from provisioner.errors import ProvisionerError
from provisioner.typed import Any

Result = dict[str, Any]
Renderer = Callable[[Result, bool], str]  # the second argument: whether to use colors


def _text(result: Result, colour: bool) -> str:
    from provisioner.checks import text

    return text.render(result, colour)


def _json(result: Result, _: bool) -> str:
    import json

    return json.dumps(result, indent=2)


def _prometheus(result: Result, _: bool) -> str:
    from provisioner import libraries

    libraries.find()
    try:
        from provisioner.checks import prometheus
    except ModuleNotFoundError as e:
        hint = "install it: apt-get install python3-prometheus-client"
        raise ProvisionerError(f"metrics take the Python module {e.name}", hint=hint) from None
    return prometheus.render(result)


def _junit(result: Result, _: bool) -> str:
    from provisioner.checks import junit

    return junit.render(result)


def _nagios(result: Result, _: bool) -> str:
    from provisioner.checks import nagios

    return nagios.render(result)


FORMATS: dict[str, Renderer] = {
    "text": _text,
    "json": _json,
    "prometheus": _prometheus,
    "junit": _junit,
    "nagios": _nagios,
}
PROMETHEUS = "provisioner.prom"  # node_exporter reads only files in a textfile directory that end in .prom
SHORT = ("text",)  # formats that do not identify the host
