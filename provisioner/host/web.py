"""Send HTTP requests to a registry that the user named on the command line. A drift check never imports this module."""

import http.client
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from provisioner.errors import ProvisionerError
from provisioner.host import tls

ANSWER = 30.0  # seconds


def fetch(
    url: str, method: str, headers: Mapping[str, str], trusted: Sequence[str] = (), *, insecure: bool = False
) -> tuple[int, dict[str, str], bytes]:
    """Send one request.

    ``insecure`` accepts any certificate.

    Returns: the status, the header fields with names in lower case, and the body.
    Raises: ProvisionerError if no registry answers.
    """
    scheme, host, path, *_ = urlsplit(url)
    try:
        connection = _connection(scheme, host, trusted, insecure)
    except OSError as e:
        raise ProvisionerError(
            f"{' '.join(trusted)}: no certificates to trust ({e})", hint="correct that file"
        ) from None
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    except (OSError, http.client.HTTPException, ssl.SSLError) as e:
        hint = "is that the registry's name and port? an insecure one has to be in the daemon's insecure-registries"
        raise ProvisionerError(f"{scheme}://{host}: no registry answers ({e})", hint=hint) from None
    finally:
        connection.close()


def _connection(scheme: str, host: str, trusted: Sequence[str], insecure: bool) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, timeout=ANSWER)
    context = tls.settings()
    for file in trusted:
        context.load_verify_locations(file)
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, timeout=ANSWER, context=context)
