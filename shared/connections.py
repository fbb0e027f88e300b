"""How the SDKs reach their services: over connections that are kept.

Importing this module imports `requests`: import it where a client is made.
"""

from __future__ import annotations

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

THREADS = 32
"""Connections kept: as many as the host has threads (PYTHON_THREADPOOL_THREAD_COUNT).

By default ten are, and each further one is made anew for every request, TLS and all.
"""


def transport() -> RequestsTransport:
    """Make the transport of one client. Safe to share between threads."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=THREADS))
    session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return RequestsTransport(session=session)
