"""Ids: the same wherever and whenever they are computed, and different for what is different."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids

if TYPE_CHECKING:
    from random import Random

KEY = "event:22223333-cccc-4444-dddd-5555eeee6666:Started"


def test_golden() -> None:
    """The ids of today are the ids of every later version: another one would send again what is under way."""
    notice = ids.notice_id(KEY, "started", "", "default")
    assert notice == "2311652e-1eb3-5eeb-a879-241efaf67041"
    assert ids.check_id(KEY, "reminder", "24h") == "b4b10e8f-aadb-57d4-a01d-7befafe57015"
    assert ids.operation_id([notice]) == "9e8d83cd-e312-5c40-8ec5-b2bd98872942"


def test_every_part_of_a_notice_counts() -> None:
    """Another row, kind, lead or audience makes another notice."""
    parts = (KEY, "reminder", "24h", "default")
    others = [(*parts[:index], "other", *parts[index + 1 :]) for index in range(4)]
    assert len({ids.notice_id(*each) for each in (parts, *others)}) == 5


def test_a_check_is_no_notice() -> None:
    """A check and the notice that it becomes are two things, also for an audience without a name."""
    assert ids.check_id(KEY, "reminder", "24h") != ids.notice_id(KEY, "reminder", "24h", "")


def test_a_mail_of_one_is_not_its_notice() -> None:
    """A mail that tells one notice has an id of its own."""
    notice = ids.notice_id(KEY, "started", "", "default")
    assert ids.operation_id([notice]) != notice


@given(st.lists(st.uuids().map(str), min_size=1, max_size=20, unique=True), st.randoms())
def test_order_of_members(notices: list[str], random: Random) -> None:
    """The id of a mail does not depend on the order in which its notices were read."""
    shuffled = list(notices)
    random.shuffle(shuffled)
    assert ids.operation_id(shuffled) == ids.operation_id(notices)


@pytest.mark.slow
@given(st.sets(st.uuids().map(str), min_size=1, max_size=20), st.uuids().map(str))
def test_other_members(notices: set[str], more: str) -> None:
    """A mail that tells one notice more is another mail."""
    assert (ids.operation_id(notices) == ids.operation_id(notices | {more})) == (more in notices)


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=50), st.text(max_size=50))
def test_form(key: str, kind: str, lead: str, audience: str) -> None:
    """Whatever they are made from, ids are UUIDs in lower case, which every mail service takes."""
    for id_ in (ids.notice_id(key, kind, lead, audience), ids.check_id(key, kind, lead)):
        assert str(UUID(id_)) == id_
        assert UUID(id_).version == 5


def test_message_ids() -> None:
    """Message-IDs have the form that RFC 5322 asks for, and a thread's root is no mail's."""
    operation = ids.operation_id([ids.notice_id(KEY, "started", "", "default")])
    message = ids.message_id(operation, "example.com")
    thread = ids.thread_id("22223333-cccc-4444-dddd-5555eeee6666", "example.com")
    assert message == f"<{operation}@example.com>"
    for each in (message, thread):
        assert re.fullmatch(r"<[A-Za-z0-9.-]+@[A-Za-z0-9.-]+>", each)
    assert message != thread
