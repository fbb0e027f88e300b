"""Our own rules for the Bicep files: each looks at all of them, and says what is wrong in sentences.

A rule that finds nothing yields nothing. `RULES` holds them all, by name; the seeded defects of
`test_infra_defects` show that each finds what it is there for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.infra.agreement import application_settings, event_subscriptions, functions, topics
from tests.infra.alerts import alerts, log_queries, thresholds
from tests.infra.flex import app
from tests.infra.guards import mail, monitoring, secrets, storage, vault
from tests.infra.places import arrangement, limits, locations, versions
from tests.infra.rights import roles
from tests.infra.texts import modules, names, parses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.infra.bicep import Infra

    Rule = Callable[[Infra], Iterator[str]]

RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        parses,
        names,
        modules,
        versions,
        locations,
        limits,
        arrangement,
        roles,
        storage,
        monitoring,
        mail,
        vault,
        secrets,
        app,
        application_settings,
        topics,
        functions,
        event_subscriptions,
        alerts,
        thresholds,
        log_queries,
    )
}
