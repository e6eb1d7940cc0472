"""HTTP over TCP, to a registry that somebody named on the command line. Nothing on a drift check's path imports it."""

import http.client
import ssl

from provisioner.errors import ProvisionerError

ANSWER = 30.0  # seconds


def fetch(scheme: str, host: str, method: str, path: str, accept: str) -> tuple[int, dict[str, str], bytes]:
    """One exchange: status, header fields in lower case, body. ProvisionerError: nobody answers."""
    made = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = made(host, timeout=ANSWER)
    try:
        connection.request(method, path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    except (OSError, http.client.HTTPException, ssl.SSLError) as e:
        hint = "is that the registry's name and port? an insecure one has to be in the daemon's insecure-registries"
        raise ProvisionerError(f"{scheme}://{host}: no registry answers ({e})", hint=hint) from None
    finally:
        connection.close()
