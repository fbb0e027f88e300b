"""The functions of an app, found and run the way the Python worker of Azure Functions does it."""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import os
import threading
import time
import typing
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

if typing.TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

EVENT_GRID = "eventGridTrigger"
HTTP = "httpTrigger"
TIMER = "timerTrigger"
SERVED = frozenset({EVENT_GRID, HTTP, TIMER})
MODULE = "function_app"

_log = logging.getLogger("host")


class LoadError(Exception):
    """The app cannot be served; the message is one sentence for the person who started it."""


@dataclass(frozen=True)
class Function:
    """One function of the app: its name, its trigger's binding as in function.json, and its body."""

    name: str
    trigger: Mapping[str, Any]
    body: Callable[..., object]
    decode: Callable[[Any], object]
    """From what the host hands over, JSON text or a request, to what the function's annotation asks for."""
    returns: bool = False
    """Whether it has a `$return` binding."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held during a run of a timer: it never overlaps with itself."""

    @property
    def kind(self) -> str:
        """The trigger's type, for example `timerTrigger`."""
        return str(self.trigger["type"])

    def run(self, data: object) -> object:
        """Run once with JSON text, or a request, in this thread; raises whatever the function raises."""
        result = self.body(**{str(self.trigger["name"]): self.decode(data)})
        if result is not None and not self.returns:
            # The real worker fails such an invocation: a result needs a `$return` binding.
            raise RuntimeError(f"function '{self.name}' without a $return binding returned a non-None value")
        return result


Invoke = Callable[[Function, object], Future[object]]
"""Queues one invocation; the future ends with it, with its result or its exception."""

Run = Callable[[Function, object], object]
"""Runs one invocation in the caller's thread; returns its result or raises its exception."""


def load() -> list[Function]:
    """Import `function_app` and return the functions that this host can serve, in the app's order.

    Raises `LoadError` where the real worker would find no functions, and whatever the import raises.
    """
    try:
        module = importlib.import_module(MODULE)
    except ModuleNotFoundError as error:
        if error.name != MODULE:
            raise
        raise LoadError(f"There is no {MODULE}.py in {os.getcwd()!r}.") from error  # noqa: PTH109 - a text
    app = _app(module)
    # The library logs a warning for every app without HTTP functions, about keys that do not exist here.
    logging.disable(logging.WARNING)
    try:
        found = app.get_functions()
    finally:
        logging.disable(logging.NOTSET)
    functions = [_function(each) for each in found]
    for function in functions:
        if function.kind not in SERVED:
            _log.warning("Function '%s' is not served here: %s.", function.name, function.kind)
    return [function for function in functions if function.kind in SERVED]


def _app(module: ModuleType) -> func.FunctionApp:
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        # The worker counts names, so that an alias of the app is one too many as well.
        raise LoadError(f"{MODULE}.py must bind exactly one name to a FunctionApp, not {len(apps)}.")
    return apps[0]


def _function(found: Any) -> Function:  # noqa: ANN401 - the library keeps its Function class to itself
    name = str(found.get_function_name())
    body = found.get_user_function()
    # By way of JSON, as the host gets them: the library's own objects hold enumerations.
    bindings = [json.loads(each) for each in found.get_raw_bindings()]
    trigger = next(each for each in bindings if str(each["type"]).endswith("Trigger"))
    if trigger["type"] not in SERVED:
        return Function(name, trigger, body, str)
    if list(inspect.signature(body).parameters) != [trigger["name"]]:
        raise LoadError(f"Function '{name}' must take its trigger '{trigger['name']}' and nothing else.")
    if inspect.iscoroutinefunction(body):
        raise LoadError(f"Function '{name}' is async: the local host runs plain functions.")
    returns = any(each["name"] == "$return" for each in bindings)
    return Function(name, trigger, body, _decoder(name, body, trigger), returns)


def _decoder(name: str, body: Callable[..., object], trigger: Mapping[str, Any]) -> Callable[[Any], object]:
    annotation = typing.get_type_hints(body).get(trigger["name"])
    if annotation in {str, bytes} and trigger["type"] != HTTP:
        # The worker's generic binding: the raw JSON, a `str` even for `bytes`.
        return str
    registry: Any = func.get_binding_registry  # not typed by the library
    converter = registry().get(trigger["type"])
    if converter is None or (
        annotation is not None
        and not (isinstance(annotation, type) and converter.check_input_type_annotation(annotation))
    ):
        raise LoadError(f"Function '{name}': the worker cannot bind {trigger['type']} to {annotation!r}.")
    if trigger["type"] == HTTP:
        return lambda request: converter.decode(request, trigger_metadata=None)
    return lambda data: converter.decode(Datum(data, "json"), trigger_metadata=None)


class Invoker:
    """Runs so many invocations at once as the real worker has threads, and logs them like the host."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="invocation")
        self._places = threading.BoundedSemaphore(threads)
        self._running: set[Future[object]] = set()
        self._lock = threading.Lock()

    def start(self, function: Function, data: object) -> Future[object]:
        """Queue one invocation; the future carries the function's result or exception."""
        future = self._pool.submit(self.run, function, data)
        with self._lock:
            self._running.add(future)
        future.add_done_callback(self._ended)
        return future

    def run(self, function: Function, data: object) -> object:
        """Run one invocation in this thread as soon as there is a place; return or raise what it does."""
        with self._places:
            return _invoke(function, data)

    def close(self, seconds: float) -> bool:
        """Take no more, wait at most `seconds` for what is under way, and return whether all of it ended."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            running = set(self._running)
        return not wait(running, timeout=max(0.0, seconds)).not_done

    def _ended(self, future: Future[object]) -> None:
        with self._lock:
            self._running.discard(future)


def threads(environment: Mapping[str, str]) -> int:
    """How many threads the real worker would run functions in; raises `LoadError` for a wrong setting."""
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    if not text:
        return min(32, (os.cpu_count() or 1) + 4)
    if not text.isdecimal() or int(text) < 1:
        raise LoadError(f"PYTHON_THREADPOOL_THREAD_COUNT must be a number from 1, not {text!r}.")
    return int(text)


def _invoke(function: Function, data: object) -> object:
    if function.kind != TIMER:
        return _logged(function, data)
    with function.lock:
        return _logged(function, data)


def _logged(function: Function, data: object) -> object:
    invocation = uuid.uuid4()
    started = time.monotonic()
    _log.info("Executing 'Functions.%s' (Id=%s)", function.name, invocation)
    outcome = "Failed"
    try:
        result = function.run(data)
        outcome = "Succeeded"
    except Exception:
        _log.exception("Exception while executing function: Functions.%s", function.name)
        raise
    else:
        return result
    finally:
        duration = round((time.monotonic() - started) * 1000)
        _log.info(
            "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)", function.name, outcome, invocation, duration
        )
