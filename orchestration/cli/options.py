"""What every command takes, before or after its name: the company, `--json`, `--quiet`; and what the shell completes.

Belongs here: these options, reading them, completion. Does not belong here: any command, anything that imports more
than typer: a shell waits for this module at every press of the tab key.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from orchestration.resources import Deployment

# As in the graph; importing that takes seconds (a test holds them equal).
MODELS: Final = ("churn", "clv", "lead_score", "win_probability", "revenue")
PANEL: Final = "For every command"
# Here and not with the arguments: click 8.5 drops what this typer says of them.
ARGUMENTS: Final = {
    "names": "Models to train; without any, all.",
    "model": "The model.",
    "version": "Its version in the registry, as `lifecycle status` shows it.",
    "content_hash": "The set, by the beginning of its hash; without it, a list of all.",
}


@dataclass
class Given:
    """What the options said.

    Attributes:
        company: None for the one that the environment names.
        is_json: the result goes to standard output as JSON, everything else to standard error.
        is_quiet: only results and failures are printed.
        is_impatient: a run that is under way is no reason to wait but one to end.
    """

    company: str | None = None
    is_json: bool = False
    is_quiet: bool = False
    is_impatient: bool = False

    @property
    def deployment(self) -> "Deployment":
        """The company's deployment, its settings read.

        Raises:
            CompanyError: there is no such company, or its settings are wrong.
        """
        from orchestration.resources import deployment_from_environment

        found = deployment_from_environment(self.company)
        _ = found.company
        return found


def given() -> Given:
    """The options of the command that is running."""
    found: Given = click.get_current_context().find_root().ensure_object(Given)
    return found


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Note an option wherever it stands; one that is not given leaves what stands before the command's name."""
    if value and parameter.name:
        setattr(context.find_root().ensure_object(Given), parameter.name, value)


def _of_every_command() -> list[click.Parameter]:
    # Eager: they count whichever other option is wrong.
    shared: dict[str, Any] = {"expose_value": False, "callback": _keep, "is_eager": True, "rich_help_panel": PANEL}
    flags = {"is_flag": True, "default": False, **shared}
    return [
        TyperOption(
            param_decls=["company", "--company", "-c"],
            help="The company (a file companies/NAME.toml) instead of the one that LIFECYCLE_COMPANY names.",
            autocompletion=companies,
            metavar="NAME",
            type=str,
            **shared,
        ),
        TyperOption(param_decls=["is_json", "--json"], help="Print the result as JSON, all else to stderr.", **flags),
        TyperOption(param_decls=["is_quiet", "--quiet", "-q"], help="Print only the result and failures.", **flags),
    ]


class Command(TyperCommand):
    """A command with the options of every command."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - the parent's signature
        super().__init__(*arguments, **settings)
        for parameter in self.params:
            if isinstance(parameter, TyperArgument):
                parameter.help = ARGUMENTS[str(parameter.name)]
        self.params.extend(_of_every_command())


class Launching(Command):
    """A command that launches jobs: it waits for a run of the same company, or ends."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - the parent's signature
        super().__init__(*arguments, **settings)
        words = "End with code 3 while another run of the company is under way, instead of waiting for its end."
        flag: dict[str, Any] = {"is_flag": True, "default": False, "expose_value": False, "callback": _keep}
        self.params.append(TyperOption(param_decls=["is_impatient", "--no-wait"], help=words, **flag))


class Commands(TyperGroup):
    """The group, which takes the same options before the command's name."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - the parent's signature
        super().__init__(*arguments, **settings)
        self.params.extend(_of_every_command())


def companies(context: typer.Context, _arguments: list[str], incomplete: str) -> list[str]:
    """Names of companies that begin so.

    `companies.settings` and `orchestration.resources` know them as well, but take seconds to import: click looks the
    folder's variable up, as for any option with one.
    """
    named = click.Option(["--folder"], envvar="LIFECYCLE_COMPANIES_DIR").resolve_envvar_value(context)
    folder = Path(named) if named else Path(__file__).parents[2] / "companies"
    return _beginning(sorted(path.stem for path in folder.glob("*.toml")), incomplete)


def models(incomplete: str) -> list[str]:
    """Names of models that begin so."""
    return _beginning(MODELS, incomplete)


def known_model(given: str | list[str] | None) -> str | list[str] | None:
    """The model, or models, as they were named.

    Raises:
        BadParameter: there is no such model.
    """
    for name in [given] if isinstance(given, str) else given or ():
        if name not in MODELS:
            near = "".join(f" Did you mean '{one}'?" for one in get_close_matches(name, MODELS, n=1))
            message = f"no model '{name}'.{near} Known: {', '.join(MODELS)}"
            raise typer.BadParameter(message)
    return given


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
