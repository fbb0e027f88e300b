"""Where an Azure Communication Services resource is, read from settings. Imports no SDK."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

FORM = "endpoint=https://name.communication.azure.com/;accesskey=..."


def parse_connection_string(text: str) -> tuple[str, str]:
    """Read `endpoint=...;accesskey=...` (names in any case) into endpoint and key.

    Done here because the SDK's own reading forces https, which a local stand-in does not speak. Raises
    ValueError with a sentence that says what is wrong and does not repeat the key.
    """
    fields: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"A connection string has the form {FORM}")
        fields[name.strip().lower()] = value.strip()
    for name in ("endpoint", "accesskey"):
        if not fields.get(name):
            raise ValueError(f"The connection string has no {name}; its form is {FORM}")
    try:
        base64.b64decode(fields["accesskey"], validate=True)
    except ValueError:
        raise ValueError("The connection string's accesskey is not base64.") from None
    return normalise(fields["endpoint"]), fields["accesskey"]


def normalise(text: str) -> str:
    """Bring an endpoint into the form that the SDK signs correctly: lower case, no trailing slash.

    A host without a scheme gets https. Raises ValueError where it is not the URL of a resource.
    """
    try:
        parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"The endpoint {text!r} is not a URL.") from None
    extra = parts.query or parts.fragment or parts.path.strip("/") or parts.username
    if parts.scheme not in {"http", "https"} or not host or extra or not host.isascii():
        raise ValueError(
            f"The endpoint {text!r} is not the URL of a resource, as https://name.communication.azure.com is."
        )
    host = f"[{host}]" if ":" in host else host
    implied = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + ("" if port in {None, implied} else f":{port}")
