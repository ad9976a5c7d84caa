"""Documentation that a reader can trust: cards are complete, links lead somewhere, commands and settings exist."""

import ast
import re
from pathlib import Path

import pytest

from companies import settings
from orchestration.assets.models import FACTS

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
LONGEST_CARD = 80
CARD_HEADINGS = (
    "Purpose",
    "Data",
    "Features",
    "Method",
    "Judgement",
    "Fallback",
    "Intervals",
    "Reasons and actions",
    "Limits and misuse",
    "Where the figures are",
)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|`|\s)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", re.MULTILINE)
QUOTED = re.compile(r"`[^`\n]+`")


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def card(model: str) -> str:
    return (REPOSITORY / "docs" / "model_cards" / f"{model}.md").read_text(encoding="utf-8")


def links(text: str) -> list[str]:
    found = LINK.findall(QUOTED.sub("", FENCE.sub("", text)))
    return [link for link in found if not re.match(r"(https?|mailto):|#", link)]


def commands(text: str) -> set[str]:
    """Targets of make in code: between fences and in quotes; prose may make sense of other things."""
    code = [*FENCE.findall(text), *QUOTED.findall(FENCE.sub("", text))]
    return {target for part in code for target in COMMAND.findall(part)}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def environment_variables() -> set[str]:
    """Our variables that the two modules which may read them do read, directly or through a function of their own."""
    modules = (REPOSITORY / "orchestration" / name for name in ("resources.py", "environment.py"))
    tree = ast.parse("\n".join(path.read_text(encoding="utf-8") for path in modules))
    written = {
        node.targets[0].slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Subscript)
        and isinstance(node.targets[0].slice, ast.Constant)
    }
    read = {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith("LIFECYCLE_")
    }
    assert read, f"no variable found beside those it sets for others: {written}"
    return {str(variable) for variable in read}


@pytest.mark.parametrize("model", sorted(FACTS))
def test_every_model_has_a_complete_card(model: str) -> None:
    """A card answers the same questions for every model, in the same order, on one page."""
    text = card(model)
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == CARD_HEADINGS
    assert len(text.splitlines()) <= LONGEST_CARD
    empty = [part.splitlines()[0] for part in text.split("\n## ")[1:] if len(part.strip().splitlines()) < 2]
    assert not empty


def test_every_card_belongs_to_a_model() -> None:
    """A card of a model that is gone would promise something nobody keeps."""
    assert {path.stem for path in (REPOSITORY / "docs" / "model_cards").glob("*.md")} == set(FACTS)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file or folder that is there."""
    broken = [
        link for link in links(page.read_text(encoding="utf-8")) if not (page.parent / link.split("#")[0]).exists()
    ]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page: Path) -> None:
    """Every `make` command on a page is a target."""
    assert commands(page.read_text(encoding="utf-8")) <= make_targets()


def test_commands_are_found_in_code_only() -> None:
    """The check sees commands with and without variables, and leaves prose alone."""
    text = "To make sense of it:\n```sh\nmake run  # all\nCOMPANY=olist make test-fast\n```\nthen `make ui`."
    assert commands(text) == {"run", "test-fast", "ui"}


def test_every_setting_of_a_deployment_is_listed() -> None:
    """`.env.example` is the list of environment variables a person may set."""
    listed = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    assert {variable for variable in environment_variables() if f"{variable}=" not in listed} == set()


def test_every_listed_setting_is_read() -> None:
    """A variable of `.env.example` that nothing reads would be set in vain."""
    listed = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(?:# )?(LIFECYCLE_[A-Z_]+)=", listed, re.MULTILINE)) == environment_variables()


def test_every_company_is_mentioned() -> None:
    """Who lists `companies/` finds every name in the README or the docs."""
    words = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [company for company in settings.available() if f"`{company}`" not in words] == []
