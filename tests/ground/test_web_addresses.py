"""Web addresses: where the app sends, and where it never does, in whatever spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.masking import masked
from shared.web_addresses import numeric, web_address

if TYPE_CHECKING:
    from ipaddress import IPv4Address

METADATA = (
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "169.254.169.254.",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[::ffff:0:169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "168.63.129.16",
    "0",
    "0.0.0.0",
    "[::]",
    "224.0.0.1",
    "999999999999",
)


@pytest.mark.parametrize("host", METADATA)
@pytest.mark.parametrize("allows_loopback", [False, True])
def test_forbidden_in_every_spelling(host: str, allows_loopback: bool) -> None:
    """Nothing is ever sent to a link-local address, or to the platform's own, however it is written."""
    with pytest.raises(ValueError, match=r"nothing is sent to|https address"):
        web_address(f"https://{host}/x", allows_loopback=allows_loopback)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_loopback(host: str) -> None:
    """The loopback, with http too, is taken only where that is allowed, which is not in Azure."""
    for scheme in ("https", "http"):
        assert web_address(f"{scheme}://{host}:8080/x", allows_loopback=True)
        with pytest.raises(ValueError, match="machine itself"):
            web_address(f"{scheme}://{host}:8080/x", allows_loopback=False)


@pytest.mark.parametrize(
    "value",
    [
        "http://example.com",
        "ftp://example.com",
        "https://",
        "https://exam ple.com",
        "https://u:p@example.com",
        "https://①⑥⑨.254.169.254",
        "https://example.com:0",
        "https://example.com:99999",
        "//example.com",
        "https://[::1",
        "example",
    ],
)
def test_no_other_form(value: str) -> None:
    """Nothing else than a plain https address is taken, and what is wrong is said without repeating it."""
    with pytest.raises(ValueError, match="address") as refused:
        web_address(value, allows_loopback=True)
    assert "example" not in str(refused.value)


@given(st.ip_addresses(v=4))
def test_numbers_are_addresses(address: IPv4Address) -> None:
    """Every IPv4 address is recognised as a decimal number, in hex, in octal and inside IPv6."""
    number = int(address)
    octal = ".".join(f"0{part:o}" for part in address.packed)
    assert {numeric(str(number)), numeric(hex(number)), numeric(octal), numeric(f"::ffff:{address}")} == {
        address
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "see https://prod-1.logic.azure.com:443/workflows/a?sig=b.",
            "see https://prod-1.logic.azure.com:443/***.",
        ),
        ("https://example.com", "https://example.com"),
        ("'hooks.slack.com/services/T0/B0/secret'", "'hooks.slack.com/***'"),
        (
            "/subscriptions/a/providers/Microsoft.ContainerService/b",
            "/subscriptions/a/providers/Microsoft.ContainerService/b",
        ),
        (
            "routes/shop.example/a.yaml and ops@example.com/x",
            "routes/shop.example/a.yaml and ops@example.com/x",
        ),
        ("R0123456789ABCDEF0123456789XYZAB", "***"),
        ("smtp://user:password@relay.example.com", "smtp://***@relay.example.com"),
        ("xoxb-1-2-abc and whsec_MfKQ9r8GKYqr+w/=", "*** and ***"),
        ("0123456789abcdef0123456789ABCDEF", "***"),
        ("66667777-aaaa-8888-bbbb-9999cccc0000", "66667777-aaaa-8888-bbbb-9999cccc0000"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("the word hush", "the word ***"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    """What looks like a secret is not shown, nor what is known to be one; an address keeps its host."""
    assert masked(text, "hush") == shown
