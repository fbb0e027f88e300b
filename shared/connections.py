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


def transport(connect: float = 5, read: float = 30) -> RequestsTransport:
    """Make the transport of one client, with its time-outs in seconds. Safe to share between threads.

    The SDK waits 300 s by default, ten times as long as Event Grid. Beside a transport it takes no time-outs.
    """
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=THREADS))
    session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return RequestsTransport(session=session, connection_timeout=connect, read_timeout=read)
