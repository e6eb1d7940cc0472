"""The TLS settings of every connection: the same certificates are valid as for Docker."""

import ssl


def settings(authority: str | None = None) -> ssl.SSLContext:
    """Return settings that verify the other side. ``authority``: the text of the only certificate to trust."""
    context = ssl.create_default_context(cadata=authority)
    # Python 3.13 requires extensions in an authority's certificate. Docker's own instructions do not create them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
