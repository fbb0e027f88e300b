"""The commands that the product tells people to run, wherever they stand, held against what exists."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from testing import yaml_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("azure_cli.json").read_text("utf-8"))

# Options of every `az` command.
_GLOBAL = {
    "--output",
    "-o",
    "--query",
    "--subscription",
    "--verbose",
    "--debug",
    "--help",
    "-h",
    "--only-show-errors",
}

# Verb -> flags beside the global ones, from the reference of kubectl.
_KUBECTL = {
    verb: set(flags.split())
    for verb, flags in {
        "annotate": "--overwrite --all -l --selector",
        "api-resources": "--verbs --namespaced -o --output --no-headers --sort-by",
        "auth": "--list --as",
        "cordon": "-l --selector --dry-run",
        "debug": "-it -i -t --image --profile --target",
        "delete": (
            "-l --selector --all --force --grace-period --wait --timeout --field-selector --ignore-not-found"
        ),
        "describe": "-l --selector -A --all-namespaces",
        "drain": (
            "--ignore-daemonsets --delete-emptydir-data --force --grace-period --timeout --dry-run -l"
            " --selector --disable-eviction --pod-selector"
        ),
        "edit": "-o --output",
        "explain": "--recursive --api-version",
        "get": (
            "-A --all-namespaces -o --output -l --selector -w --watch --sort-by --raw --field-selector"
            " --no-headers --show-labels -L --label-columns --ignore-not-found"
        ),
        "label": "--overwrite --all -l --selector",
        "logs": (
            "-l --selector -c --container --tail --since -p --previous -f --follow --all-containers --prefix"
        ),
        "patch": "-p --patch --type --patch-file --subresource",
        "rollout": "-l --selector --timeout --to-revision",
        "scale": "--replicas --current-replicas --all -l --selector --timeout",
        "taint": "--overwrite --all -l --selector",
        "top": "-A --all-namespaces -l --selector --containers --sort-by --no-headers",
        "uncordon": "-l --selector --dry-run",
        "version": "--client -o --output",
        "wait": "--for --timeout --all -l --selector",
    }.items()
}
_KUBECTL_GLOBAL = {"-n", "--namespace", "--context", "--kubeconfig", "--as", "-v"}


class Command(NamedTuple):
    """A command in a text: where it stands, what it says, its words, what is written beside it."""

    where: str
    line: str
    words: list[str]
    beside: str
    # Whether it is to be run as it stands, so that nothing that is required may be missing.
    whole: bool


_PLACEHOLDER = re.compile(r"<[A-Za-z][^<>\n]*>|\{[A-Za-z_][\w.]*\}")
_START = re.compile(r"""(?:(?<=^)|(?<=[|&;`($"\s]))(az|kubectl)(?=\s+[a-z-])""")


def _words(text: str) -> list[str]:
    """Return the words of one command, up to what ends it for the shell; what is in quotes is one word."""
    words: list[str] = []
    word, quote, depth, started = "", "", 0, False
    for at, letter in enumerate(text):
        if quote:
            if letter == quote and text[at - 1] != "\\":
                quote = ""
            else:
                word += letter
        elif letter in "'\"":
            quote, started = letter, True
        elif letter == "(" and word.endswith("$"):
            depth += 1
            word += letter
        elif depth:
            depth -= letter == ")"
            word += letter
        elif letter in "|;&)`#\n" or (letter == ">" and not word):
            break
        elif letter.isspace():
            if word or started:
                words.append(word)
            word, started = "", False
        else:
            word += letter
    if word or started:
        words.append(word)
    return words


def commands_in(text: str, where: str, beside: str = "", *, whole: bool) -> Iterator[Command]:
    """Yield the `az` and `kubectl` commands of a shell's text, those inside `$(…)` and after pipes too."""
    text = _PLACEHOLDER.sub("X", text.replace("\\\n", " "))
    for found in _START.finditer(text):
        words = _words(text[found.start() :])
        if len(words) > 1:
            yield Command(where, " ".join(words), words, beside, whole)


def _steps(value: Any) -> Iterator[tuple[str, str]]:
    """Yield text and command of every step, wherever a catalogue has steps."""
    if isinstance(value, dict):
        if isinstance(value.get("do"), str):
            yield value["do"], value.get("run") or ""
        for inner in value.values():
            yield from _steps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _steps(inner)


def of_catalogue() -> Iterator[Command]:
    """Yield the commands of the catalogue's steps, each beside its step's own text."""
    for path in sorted(ROOT.joinpath("shared", "failures").glob("*.yaml")):
        for do, run in _steps(yaml_files.read(path)):
            yield from commands_in(run, f"{path.name}: {do}", do, whole=True)


def of_wording() -> Iterator[Command]:
    """Yield the commands in the strings of the modules that word messages."""
    for path in sorted(ROOT.joinpath("shared").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) in inside or id(node) in documented:
                    continue
                text = node.value
            else:
                continue
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            for command in commands_in(text, where, text, whole=text.startswith(("az ", "kubectl "))):
                # Not a sentence that speaks of `az`, nor a command whose very name is filled in at run time.
                if any(word.startswith("-") for word in command.words) and "X" not in command.words[1:3]:
                    yield command


def of_documents() -> Iterator[Command]:
    """Yield the commands of README and docs: of their code blocks, and those named inside sentences."""
    for path in [ROOT / "README.md", *sorted(ROOT.joinpath("docs").glob("*.md"))]:
        text = path.read_text("utf-8")
        for at, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
            if at % 2:
                yield from commands_in(part, path.name, text, whole=True)
            else:
                for code in re.findall(r"`([^`]+)`", part):
                    if code.startswith(("az ", "kubectl ")):
                        yield from commands_in(code, path.name, text, whole=False)


def _known(name: str, given: set[str]) -> tuple[list[str] | None, set[str]]:
    """Return the options of an `az` command, None if there is none such, and the extensions it needs."""
    options, needs = TABLE["commands"].get(name), set()
    for extension, commands in TABLE["extensions"].items():
        more = commands.get(name)
        if more and (options is None or given & {form for one in more for form in one.split("|")}):
            options = [*(options or []), *more]
            needs.add(extension)
    return options, needs


def _az_faults(command: Command) -> Iterator[str]:
    names = [*TABLE["commands"], *(name for commands in TABLE["extensions"].values() for name in commands)]
    plain = [word for word in command.words[1:] if not word.startswith("-")]
    given = {word.split("=")[0] for word in command.words[1:] if re.match(r"--?[a-zA-Z]", word)}
    length = next((size for size in range(len(plain), 0, -1) if " ".join(plain[:size]) in names), 0)
    if not length:
        if command.whole or given or not any(f"{one} ".startswith(f"{' '.join(plain)} ") for one in names):
            yield "there is no such command"
        return
    name = " ".join(plain[:length])
    options, needs = _known(name, given)
    for extension in needs:
        if not re.search(rf"extension[^.]*\b{extension}\b|\b{extension}\b[^.]*extension", command.beside):
            yield f"it needs the extension {extension}, which is not said beside it"
    forms = {form for option in options or [] for form in option.lstrip("!").split("|")}
    for option in sorted(given - forms - _GLOBAL):
        yield f"az {name} has no option {option}"
    if command.whole and "--ids" not in given:
        for option in options or []:
            if option.startswith("!") and not given & set(option[1:].split("|")):
                yield f"az {name} requires {option[1:]}"


def _kubectl_faults(command: Command) -> Iterator[str]:
    verb = command.words[1]
    if verb not in _KUBECTL:
        yield f"kubectl has no verb {verb} (or the table of verbs lacks it)"
        return
    given = {word.split("=")[0] for word in command.words[2:] if re.match(r"--?[a-zA-Z]", word)}
    for flag in sorted(given - _KUBECTL[verb] - _KUBECTL_GLOBAL):
        yield f"kubectl {verb} has no flag {flag} (or the table of flags lacks it)"


def faults(command: Command) -> list[str]:
    """Return what is wrong with a command, each fault a sentence that names the place and the command."""
    check = _az_faults if command.words[0] == "az" else _kubectl_faults
    return [f"{command.where}: {fault}: {command.line}" for fault in check(command)]
