"""The host's side of Azure's Python worker, for one package: init, metadata, load, one event.

A program, `worker.py PACKAGE < event`: it runs by the deployed Python and imports nothing of this
repository, only `azure_functions_runtime` (the worker from Python 3.13 on) and the package. Prints JSON:
`functions` (names), `failures` (texts of exceptions), `compiled` (files that had to be, below PACKAGE).
The messages are those of `FunctionRpc.proto`, as objects in place of gRPC's.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.machinery
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

ENTRY = "maintenance_events"


class Messages:
    """The classes of `FunctionRpc.proto`: any name makes a message of the fields that it is given."""

    BindingInfo = type("BindingInfo", (SimpleNamespace,), {"undefined": 0, "in": 0, "out": 1, "inout": 2})
    StatusResult = type("StatusResult", (SimpleNamespace,), {"Failure": 0, "Success": 1})

    def __getattr__(self, name: str) -> type[SimpleNamespace]:
        return SimpleNamespace


def message(field: str, value: Any, **fields: Any) -> SimpleNamespace:
    """Return a message with these fields; `field`, with its value, is the one of its oneof."""
    return SimpleNamespace(**fields, **{field: value}, WhichOneof=lambda _: field)


async def run(package: str, event: str) -> dict[str, Any]:
    """Return what the worker says of this package, and of this event."""
    worker = importlib.import_module("azure_functions_runtime")
    worker.start_threadpool_executor()

    def request(kind: str, **fields: Any) -> SimpleNamespace:
        return SimpleNamespace(
            request=SimpleNamespace(**{kind: SimpleNamespace(**fields)}),
            properties={"host": "127.0.0.1", "protos": Messages()},
        )

    answers = [
        await worker.worker_init_request(
            request("worker_init_request", capabilities={}, function_app_directory=package)
        )
    ]
    found = await worker.functions_metadata_request(request("functions_metadata_request"))
    functions = {one.name: one.function_id for one in found.function_metadata_results or ()}
    answers += [
        await worker.function_load_request(request("function_load_request", function_id=one))
        for one in functions.values()
    ]
    if ENTRY in functions:
        invocation = request(
            "invocation_request",
            invocation_id="1",
            function_id=functions[ENTRY],
            input_data=[message("data", message("json", event), name="event")],
            trigger_metadata={},
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        answers.append(await worker.invocation_request(invocation))
    worker.stop_threadpool_executor()
    return {
        "functions": sorted(functions),
        "failures": [one.result.exception.message for one in answers if not one.result.status],
    }


def main() -> None:
    """Run the package named on the command line."""
    package = sys.argv[1]
    compiled: list[str] = []
    loader = importlib.machinery.SourceFileLoader
    compile_source = loader.source_to_code

    def noted(self: Any, data: Any, path: Any, **options: Any) -> Any:
        compiled.append(os.path.relpath(path, package))
        return compile_source(self, data, path, **options)

    loader.source_to_code = noted  # type: ignore[method-assign]
    sys.path.append(package)  # where the worker puts it
    said = asyncio.run(run(package, sys.stdin.read()))
    here = [file for file in compiled if not file.startswith((os.pardir, "."))]
    sys.stdout.write(json.dumps({**said, "compiled": here}))


if __name__ == "__main__":
    main()
