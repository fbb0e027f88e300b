"""Azure's own Bicep compiler over infra/: `python -m tests.infra.compiler [--write]`.

Without an error, a warning or a file that is laid out otherwise, and with every `deployments/*.bicepparam`
giving the snapshot beside it, it exits with 0. `--write` lays the files out and writes the snapshots. The
compiler is looked for as BICEP, on the PATH, and where `az bicep install` puts it; where there is none, this
says so and exits with 0.

One process answers all questions (`bicep jsonrpc`): starting it costs a second, a question a fraction of one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

PLACE = {
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "tenantId": "00000000-0000-0000-0000-000000000002",
    "location": "westeurope",
    "resourceGroup": None,
    "deploymentName": None,
}
"""Where the snapshots deploy to."""


class CompilerError(Exception):
    """The compiler refuses, with a sentence."""


def find() -> str | None:
    """Return the path of the compiler, or None where there is none."""
    named = os.environ.get("BICEP")
    if named:
        return named
    ours = Path.home() / ".azure" / "bin" / "bicep"
    return shutil.which("bicep") or (str(ours) if ours.is_file() else None)


class Compiler:
    """The compiler, running. Used in a `with`."""

    def __init__(self, program: str) -> None:
        # Without watching itself to run ever faster, .NET takes a third less time for so little work.
        environment = {**os.environ, "DOTNET_TieredPGO": "0"}
        command = [program, "jsonrpc", "--stdio"]
        self._running = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self._asked = 0

    def __enter__(self) -> Self:
        """Return itself: it runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._running.kill()
        self._running.communicate()

    def _ask(self, method: str, **given: object) -> dict[str, Any]:
        asking, answering = self._running.stdin, self._running.stdout
        assert asking
        assert answering
        self._asked += 1
        question = {"jsonrpc": "2.0", "id": self._asked, "method": f"bicep/{method}", "params": [given]}
        body = json.dumps(question).encode()
        asking.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        asking.flush()
        length = 0
        while line := answering.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = json.loads(answering.read(length))
        if "error" in answer:
            raise CompilerError(answer["error"]["message"])
        result: dict[str, Any] = answer["result"]
        return result

    def problems(self, path: Path) -> list[str]:
        """Return what the compiler and its linter say of a file and of the modules it uses."""
        if path.suffix == ".bicepparam":
            found = self._ask("compileParams", path=str(path), parameterOverrides={})
        else:
            found = self._ask("compile", path=str(path))
        return [
            f"{Path(one['source']).name}({one['range']['start']['line'] + 1}): "
            f"{one['code']}: {one['message']}"
            for one in found["diagnostics"]
        ]

    def template(self, path: Path) -> str:
        """Return what a file compiles to, for Azure Resource Manager."""
        contents: str = self._ask("compile", path=str(path))["contents"]
        return contents

    def layout(self, path: Path) -> str:
        """Return a file as it should be laid out."""
        contents: str = self._ask("format", path=str(path))["contents"]
        return contents

    def snapshot(self, path: Path) -> str:
        """Return what a .bicepparam file would make. Raises CompilerError if it is refused.

        The compiler gives the outputs in an order that changes from run to run: here they are sorted.
        """
        text = self._ask("getSnapshot", path=str(path), metadata=PLACE, externalInputs=None)["snapshot"]
        given = json.loads(text)
        given["outputs"] = dict(sorted(given["outputs"].items()))
        return json.dumps(given, indent=2, ensure_ascii=False) + "\n"


def sources(folder: Path) -> list[Path]:
    """Return all files of Bicep below a folder."""
    return sorted([*folder.rglob("*.bicep"), *folder.rglob("*.bicepparam")])


def beside(parameters: Path) -> Path:
    """Return where the snapshot of a .bicepparam file is."""
    return parameters.with_suffix(".snapshot.json")


def check(compiler: Compiler, folder: Path, *, write: bool = False) -> Iterator[str]:
    """Yield what is wrong with the files of a folder; with `write`, first lay out and write the snapshots."""
    for path in sources(folder):
        name = path.relative_to(folder).as_posix()
        laid_out = compiler.layout(path)
        if write:
            path.write_text(laid_out, "utf-8")
        elif laid_out != path.read_text("utf-8"):
            yield f"{name}: is laid out otherwise; make snapshots lays it out"
        yield from (f"{name}: {words}" for words in compiler.problems(path))
        if path.suffix == ".bicepparam":
            yield from (f"{name}: {words}" for words in _compare(compiler, path, write=write))
    for snapshot in (folder / "deployments").glob("*.snapshot.json"):
        if not snapshot.with_name(snapshot.name.replace(".snapshot.json", ".bicepparam")).is_file():
            yield f"{snapshot.name}: no .bicepparam gives it"


def _compare(compiler: Compiler, path: Path, *, write: bool) -> Iterator[str]:
    try:
        made = compiler.snapshot(path)
    except CompilerError as refused:
        yield str(refused)
        return
    if write:
        beside(path).write_text(made, "utf-8")
    elif not beside(path).is_file() or json.loads(beside(path).read_text("utf-8")) != json.loads(made):
        yield f"{beside(path).name} is another deployment; make snapshots writes it"


def main(arguments: list[str] | None = None) -> int:
    """Check or write, and print what is wrong. 0 if nothing is, or if there is no compiler."""
    parser = argparse.ArgumentParser(description="Azure's Bicep compiler over infra/")
    parser.add_argument("--write", action="store_true", help="lay the files out, and write the snapshots")
    given = parser.parse_args(arguments)
    program = find()
    if program is None:
        sys.stdout.write("bicep: not found (BICEP, PATH, az bicep install): infra/ was not compiled\n")
        return 1 if given.write else 0
    with Compiler(program) as compiler:
        wrong = list(check(compiler, INFRA, write=given.write))
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"bicep: {len(sources(INFRA))} files, {len(wrong)} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
