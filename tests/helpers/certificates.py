"""Trust in an authority of a test's own, on any machine: Python as Debian builds it leaves the
lowest version of TLS to the settings of its system, and says none.
"""

from __future__ import annotations

import ssl

import trustme


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a client checks a server with."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.configure_trust(context)
    return context
