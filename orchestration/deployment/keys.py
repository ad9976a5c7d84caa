"""The company's name in asset keys, pools and jobs, for a Dagster instance that several companies share.

Belongs here: giving a company's definitions its name when they are put together, so that no module that declares
assets has to know of other companies. Does not belong here: the keys of results and look-ups, which assets and checks
take from `Deployment.asset_key`.
"""

from collections.abc import Iterable
from copy import copy
from typing import Any, TypeVar, cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster_shared.record import as_dict, replace

Assets = TypeVar("Assets", bound=dg.AssetsDefinition)


def named_assets(definitions: Iterable[Assets], company: str) -> list[Assets]:
    """Assets or checks whose keys begin with the company, in a pool of the company's own."""
    return [_named(definition, company) for definition in definitions]


def named_job(definition: UnresolvedAssetJobDefinition, company: str) -> UnresolvedAssetJobDefinition:
    """The job over those assets."""
    return replace(definition, selection=_with_company(definition.selection, company))


def in_own_pool(definition: Assets, company: str) -> Assets:
    """The same assets with a pool that other companies' steps do not wait for."""
    op = definition.op
    if op.pool is None:
        return definition
    copied = copy(op)
    # Only the decorators of ops take a pool, and an op cannot be decorated twice.
    copied._pool = f"{op.pool}_{company}"  # noqa: SLF001
    return _remade(definition, node_def=copied)


def _named(definition: Assets, company: str) -> Assets:
    checks = {
        output: replace(spec, additional_deps=[_with_company(dep, company) for dep in spec.additional_deps])
        for output, spec in definition.node_check_specs_by_output_name.items()
    }
    keys = {key: key.with_prefix(company) for key in _keys(definition)}
    renamed = _remade(definition, check_specs_by_output_name=checks).with_attributes(asset_key_replacements=keys)
    return in_own_pool(_same_kind(renamed, definition), company)


def _keys(definition: dg.AssetsDefinition) -> set[dg.AssetKey]:
    """Every key that the definition makes, waits for or judges."""
    deps = {dep.asset_key for spec in definition.specs for dep in spec.deps}
    judged = {key.asset_key for key in definition.check_keys}
    return {*definition.keys, *deps, *judged, *definition.node_keys_by_input_name.values()}


def _remade(definition: Assets, **changes: Any) -> Assets:  # noqa: ANN401 - Dagster's own attributes
    remade = dg.AssetsDefinition.dagster_internal_init(**{**definition.get_attributes_dict(), **changes})
    return _same_kind(remade, definition)


def _same_kind(made: dg.AssetsDefinition, of: Assets) -> Assets:
    """Dagster's copies of checks are plain assets; an assembly asks for the kind they were."""
    return cast("Assets", made.coerce_to_checks_def() if isinstance(of, dg.AssetChecksDefinition) else made)


def _with_company(value: Any, company: str) -> Any:  # noqa: ANN401 - whatever a selection is made of
    """Keys below a selection or dependency, however deep, with the company before them."""
    if isinstance(value, dg.AssetKey):
        return value.with_prefix(company)
    if isinstance(value, dg.AssetCheckKey):
        return value.replace_asset_key(value.asset_key.with_prefix(company))
    if isinstance(value, dg.AssetDep):
        return dg.AssetDep(value.asset_key.with_prefix(company), partition_mapping=value.partition_mapping)
    if isinstance(value, dg.AssetSelection):
        return replace(value, **{name: _with_company(part, company) for name, part in as_dict(value).items()})
    if isinstance(value, list | tuple):
        return [_with_company(part, company) for part in value]
    return value
