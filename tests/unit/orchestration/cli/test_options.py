from orchestration.assets.models import FACTS
from orchestration.cli.options import MODELS, Given
from orchestration.resources import Deployment


def test_the_models_are_those_of_the_graph() -> None:
    """What is completed and accepted as a model is one."""
    assert set(MODELS) == set(FACTS)


def test_the_company_of_the_command_line_overrides_the_environment(deployment: Deployment) -> None:
    """`--company` decides, the environment otherwise."""
    assert Given().deployment.company_name == deployment.company_name
    other = deployment.companies_folder + "/other.toml"
    with open(deployment.companies_folder + "/small.toml") as small, open(other, "w") as copy:  # noqa: PTH123
        copy.write(small.read())
    assert Given(company="other").deployment.company_name == "other"
