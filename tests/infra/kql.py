"""Microsoft's own KQL parser over the queries of the app: `python -m tests.infra.kql`.

It knows all of KQL, and Azure Resource Graph takes a part of it: operators outside of that part are findings
as well. Exits with 0 where there are none.

https://learn.microsoft.com/azure/governance/resource-graph/concepts/query-language
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

QUERIES = Path(__file__).parents[2] / "shared" / "sources" / "queries"

_GRAPH_TAKES = frozenset(
    {
        "count",
        "distinct",
        "extend",
        "filter",
        "join",
        "mvexpand",
        "project",
        "projectaway",
        "sort",
        "summarize",
    }
    | {"take", "top", "union"}
)
_MOST = {"join": 3, "mvexpand": 3, "union": 3}


def findings(database: str, *queries: str) -> list[list[str]]:
    """Return what there is to say of each query over a database of `kql.js`: `workspace` or `graph`."""
    ran = subprocess.run(
        ["node", str(Path(__file__).with_name("kql.js"))],
        input=json.dumps([[database, query] for query in queries]),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(ran.stdout)
    if database != "graph":
        return [answer["findings"] for answer in answers]
    return [
        [*answer["findings"], *_beyond_graph(Counter(answer["operators"])), *_unpaged(query)]
        for query, answer in zip(queries, answers, strict=True)
    ]


def _beyond_graph(used: Counter[str]) -> list[str]:
    unknown = [
        f"Resource Graph does not take the operator {one}" for one in sorted(used.keys() - _GRAPH_TAKES)
    ]
    return unknown + [f"more than {most} {one}" for one, most in _MOST.items() if used[one] > most]


def _unpaged(query: str) -> list[str]:
    """Tell that the rows could not be read page by page: that takes an order that is unique, and no limit."""
    return [] if query.rstrip().endswith("| order by id asc") else ["is not ordered by id, last of all"]


def main() -> int:
    """Check the queries of Resource Graph, and print what is wrong."""
    files = sorted(QUERIES.glob("*.kql"))
    found = findings("graph", *(file.read_text("utf-8") for file in files))
    wrong = [f"{file.name}: {one}" for file, each in zip(files, found, strict=True) for one in each]
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"kql: {len(files)} queries, {len(wrong)} problems\n")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main())
