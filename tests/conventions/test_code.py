"""The house rules that a linter does not know."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("companies", "feature_definitions", "ingestion", "ml", "orchestration")
MODULES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("test_*.py"))
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
# The only modules that may read the environment: everything else gets its settings as arguments.
READS_ENVIRONMENT = {"orchestration/resources.py", "orchestration/environment.py"}
# The only modules that may know MLflow.
KNOWS_MLFLOW = {
    "ml/registry.py",
    "ml/registry_client.py",
    "ml/registry_moves.py",
    "ml/registry_place.py",
    "ml/registry_retention.py",
    "ml/registry_reviews.py",
}
# Dagster reads annotations at run time; postponed ones break its context and config parameters.
PACKAGES_WITHOUT_POSTPONED_ANNOTATIONS = ("orchestration",)


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_is_small_and_states_its_territory(path: Path) -> None:
    """A module opens with what belongs in it and stays short enough to be read at once."""
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no module docstring"
    assert len(text.splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_functions_are_short(path: Path) -> None:
    """A function fits on a screen."""
    long = {
        node.name: lines
        for node in functions(path)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_every_test_states_a_behaviour(path: Path) -> None:
    """The docstring of a test is the sentence a reader of a failure needs."""
    silent = [node.name for node in functions(path) if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert not silent


def test_only_one_module_reads_the_environment() -> None:
    """Settings arrive as arguments everywhere else, so a test never needs to patch the environment."""
    readers = {name(path) for path in MODULES if re.search(r"os\.(environ|getenv)", path.read_text())}
    assert readers == READS_ENVIRONMENT


def test_results_name_their_asset_by_the_deployment() -> None:
    """Where several companies share Dagster's records, a literal key in a result would name another company's asset."""
    literal = re.compile(r"(MaterializeResult|AssetCheckResult|AssetObservation)\(\s*asset_key=\[")
    assert {name(path) for path in MODULES if literal.search(path.read_text())} == set()


def test_only_the_registry_knows_mlflow() -> None:
    """The tracker can be replaced in one place."""
    assert {name(path) for path in MODULES if "mlflow" in imports(path)} == KNOWS_MLFLOW


def test_dagster_modules_do_not_postpone_annotations() -> None:
    """Dagster resolves context and config parameters from real annotations."""
    postponed = [
        name(path)
        for path in MODULES
        if path.relative_to(REPOSITORY).parts[0] in PACKAGES_WITHOUT_POSTPONED_ANNOTATIONS
        and "from __future__ import annotations" in path.read_text()
    ]
    assert not postponed


def test_heavy_libraries_stay_out_of_the_definitions() -> None:
    """Loading the asset graph must not import what only a running step needs."""
    heavy = {"lightgbm", "mlflow", "sklearn", "statsforecast", "matplotlib", "great_expectations"}
    at_top: dict[str, set[str]] = {}
    for path in MODULES:
        if path.relative_to(REPOSITORY).parts[0] != "orchestration":
            continue
        top = {
            alias.name.split(".")[0]
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        if found := top & heavy:
            at_top[name(path)] = found
    assert not at_top
