"""The house style, as far as a machine can see it.

An exception stands in a table here, with its reason or with the size that it may not grow beyond.
"""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from infra.settings import ROOT

PACKAGES: Final = ("schemas", "streams", "agents", "connectors", "infra")

MODULE_LINES_MAX: Final = 300
LONG_MODULES: Final[Mapping[str, int]] = {
    "tests/connectors/media/test_decoder.py": 360,
    "tests/connectors/postgres/test_rebuild.py": 350,
    "tests/contracts/test_read_model.py": 380,
}
"""Debts, as below: these may shrink and never grow; one that fits must leave the table."""

FUNCTION_LINES_MAX: Final = 50

FOLDER_MODULES_MAX: Final = 12
FULL_FOLDERS: Final[Mapping[str, int]] = {
    "infra": 15,
    "schemas": 14,  # one per subject: events, cameras, clips, providers, commands, …
    "infra/cli": 23,  # one per command
    "streams": 16,
}

BANNED: Final = frozenset({"utils", "helpers", "common", "base", "manager", "service", "misc"})

ENVIRONMENT: Final = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb"})
ENVIRONMENT_READERS: Final[Mapping[str, str]] = {
    "infra/settings.py": "the one place",
    "tests/connectors/kafka/careless.py": "bends a client into one that sends broken headers",
    "tests/infra/test_demo.py": "starts the demo without the settings of whoever runs the tests",
    "tests/infra/test_launcher.py": "starts ./vidette under a PATH of its own",
    "tests/infra/test_services.py": "starts the services as another user, with a home of his own",
    "tests/system/site.py": "starts processes without the settings of whoever runs the tests",
}

SLEEPERS: Final[Mapping[str, str]] = {
    "tests/connectors/journal/test_mapped.py": "what is suspended is so for a while",
    "tests/infra/test_demo.py": "likewise",
    "tests/system/processes.py": "waits for another process, which tells nobody",
}

FAUST: Final = frozenset({"faust", "mode"})
FAUST_IMPORTERS: Final = frozenset({"infra/worker.py"})

MARKERS: Final = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
HOMES: Final = re.compile(r"(?<![\w.$~])/(?:home|Users|ro" r"ot)/\w")
REGISTRIES: Final = re.compile(
    r"pythonhosted\.|repo1?\.maven|--(?:extra-)?ind" r"ex-url|--find-li" r"nks|--trusted-h" r"ost"
)
SUPPRESSION: Final = re.compile(r"#\s*(?:noqa|type:\s*ignore)(?P<rest>.*)")
CODED: Final = re.compile(r"(?:: ?[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|\[[a-z-]+(?:, ?[a-z-]+)*\])")
REASON: Final = re.compile(r"\s+(?:#|-)\s+\S+")
SKIPPED_FOLDERS: Final = frozenset({"__pycache__", "htmlcov"})


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project, ours or generated; what tools leave behind is not."""
    found: list[Path] = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [n for n in inner if n == ".ci" or not n.startswith(".")]
        inner[:] = [n for n in inner if n not in SKIPPED_FOLDERS]
        found += [Path(folder, name) for name in names if not name.startswith(".coverage")]
    return tuple(sorted(found))


@cache
def modules() -> Mapping[str, ast.Module]:
    """Every module of the packages and of the tests, parsed, by its path."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in files()
        if path.suffix == ".py"
    }


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def dotted(tree: ast.Module) -> Iterator[str]:
    """What is used as `name.attribute`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def test_the_rooms_import_each_other_in_one_direction() -> None:
    call = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_installed_distribution_has_one_of_our_names() -> None:
    installed = packages_distributions()

    assert {name: installed[name] for name in PACKAGES if name in installed} == {}


@pytest.mark.parametrize("name", PACKAGES)
def test_our_names_mean_our_folders(name: str) -> None:
    spec = find_spec(name)

    assert spec is not None
    assert list(spec.submodule_search_locations or ()) == [str(ROOT / name)]


def test_modules_are_short() -> None:
    lengths = {
        name: len((ROOT / name).read_text("utf-8").splitlines())
        for name in modules()
        if "migrations/versions" not in name
    }
    long = {name: n for name, n in lengths.items() if n > MODULE_LINES_MAX}

    assert {n: lines for n, lines in long.items() if lines > LONG_MODULES.get(n, 0)} == {}
    assert LONG_MODULES.keys() - long.keys() == set(), "these fit now: take them off the table"


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]

    assert long == []


def test_folders_hold_few_modules() -> None:
    counts = Counter(
        Path(name).parent.as_posix()
        for name in modules()
        if not name.startswith("tests/") and not name.endswith("__init__.py")
    )
    full = {folder: n for folder, n in counts.items() if n > FOLDER_MODULES_MAX}

    assert {folder: n for folder, n in full.items() if n > FULL_FOLDERS.get(folder, 0)} == {}
    assert FULL_FOLDERS.keys() - full.keys() == set(), "these fit now: take them off the table"


def test_a_package_says_what_it_is_and_nothing_more() -> None:
    packages = {name: tree for name, tree in modules().items() if name.endswith("__init__.py")}

    said = [name for name, tree in packages.items() if ast.get_docstring(tree)]
    assert said == list(packages)
    assert [name for name, tree in packages.items() if len(tree.body) != 1] == []


def test_every_module_opens_with_what_it_is() -> None:
    silent = [
        name
        for name, tree in modules().items()
        if not name.startswith("tests/") and not ast.get_docstring(tree)
    ]

    assert silent == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in files() if path.stem in BANNED] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        name for name, tree in modules().items() if ENVIRONMENT & {*dotted(tree), *imported(tree)}
    }

    assert readers == set(ENVIRONMENT_READERS)


def test_only_the_worker_imports_faust() -> None:
    importers = {
        name
        for name, tree in modules().items()
        if FAUST & {module.partition(".")[0] for module in imported(tree)}
    }

    assert importers == FAUST_IMPORTERS


def test_nothing_but_the_assembly_says_any() -> None:
    sayers = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        if not name.startswith("infra/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "Any"
    ]

    assert sayers == []


def test_tests_patch_nothing() -> None:
    patchers = [
        name
        for name, tree in modules().items()
        if any("mock" in module.split(".") for module in imported(tree))
    ]

    assert patchers == []


def test_tests_wait_for_something_and_never_for_a_while() -> None:
    sleepers = {
        name
        for name, tree in modules().items()
        if name.startswith("tests/") and "time.sleep" in {*dotted(tree), *imported(tree)}
    }

    assert sleepers <= set(SLEEPERS)


def test_each_suppressed_finding_has_its_code_and_its_reason() -> None:
    unexplained = [
        f"{name}:{number}: {comment}"
        for name in modules()
        for number, comment in comments(ROOT / name)
        if (found := SUPPRESSION.search(comment)) and not explained(found["rest"])
    ]

    assert unexplained == []


def explained(rest: str) -> bool:
    coded = CODED.match(rest)
    return coded is not None and REASON.match(rest[coded.end() :]) is not None


def comments(path: Path) -> Iterator[tuple[int, str]]:
    read = io.StringIO(path.read_text("utf-8")).readline
    for token in tokenize.generate_tokens(read):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_each_rule_that_is_off_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    _, _, lint = text.partition("[tool.ruff.lint]")
    rules = re.findall(r'^    "[A-Z]+[0-9]*",.*$', lint, re.MULTILINE)

    assert rules
    assert [rule for rule in rules if not re.search(r",\s+# \S", rule)] == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(MARKERS) == []


def test_nothing_is_tied_to_the_machine_that_it_was_written_on() -> None:
    here = re.compile(rf"(?<![\w.]){re.escape(str(ROOT))}/")

    assert lines_with(HOMES) + lines_with(here) == []


def test_packages_come_from_wherever_the_machine_says() -> None:
    assert lines_with(REGISTRIES) == []
