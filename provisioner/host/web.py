"""Send HTTP requests to a registry that the user named on the command line. A drift check never imports this module."""

import binascii
import http.client
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from provisioner.errors import ProvisionerError
from provisioner.host import tls

ANSWER = 30.0  # seconds


def fetch(
    url: str,
    method: str,
    headers: Mapping[str, str],
    trusted: Sequence[str] = (),
    *,
    insecure: bool = False,
    proxy: str = "",
) -> tuple[int, dict[str, str], bytes]:
    """Send one request.

    ``insecure`` accepts any certificate. ``proxy`` is the URL of an HTTP proxy to go through.

    Returns: the status, the header fields with names in lower case, and the body.
    Raises: ProvisionerError if no registry answers.
    """
    scheme, host, path, *_ = urlsplit(url)
    try:
        connection = _connection(scheme, host, trusted, insecure, proxy)
    except OSError as e:
        raise ProvisionerError(
            f"{' '.join(trusted)}: no certificates to trust ({e})", hint="correct that file"
        ) from None
    try:
        if proxy and scheme == "http":
            path, headers = url, {**headers, **_credentials(proxy)}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    except (OSError, http.client.HTTPException, ssl.SSLError) as e:
        hint = "is that the registry's name and port? an insecure one has to be in the daemon's insecure-registries"
        raise ProvisionerError(f"{scheme}://{host}: no registry answers ({e})", hint=hint) from None
    finally:
        connection.close()


def _connection(
    scheme: str, host: str, trusted: Sequence[str], insecure: bool, proxy: str
) -> http.client.HTTPConnection:
    way = urlsplit(proxy if "://" in proxy else f"http://{proxy}").netloc.rpartition("@")[2] if proxy else host
    if scheme != "https":
        return http.client.HTTPConnection(way, timeout=ANSWER)
    context = tls.settings()
    for file in trusted:
        context.load_verify_locations(file)
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(way, timeout=ANSWER, context=context)
    if proxy:
        name = urlsplit(f"https://{host}")
        connection.set_tunnel(name.hostname or host, name.port or 443, _credentials(proxy))
    return connection


def _credentials(proxy: str) -> dict[str, str]:
    """Return the header that logs in to a proxy whose URL has a user and a password."""
    user = urlsplit(proxy).username
    if user is None:
        return {}
    said = f"{unquote(user)}:{unquote(urlsplit(proxy).password or '')}"
    return {"Proxy-Authorization": f"Basic {binascii.b2a_base64(said.encode(), newline=False).decode()}"}
