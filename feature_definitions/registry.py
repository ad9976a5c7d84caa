"""Every feature view there is, and which of them a model reads.

Belongs here: look-ups. Does not belong here: the views' columns (one module per view) or the models.
"""

from collections.abc import Iterable

from feature_definitions import (
    customer_contract,
    customer_payments,
    customer_sentiment,
    customer_support,
    customer_usage,
    deal_pipeline,
    lead_engagement,
    lead_profile,
)
from feature_definitions.base import FeatureColumn, FeatureView, usable_columns
from feature_definitions.entities import CUSTOMER, DEAL, ENTITIES, LEAD, Entity

VIEWS: tuple[FeatureView, ...] = (
    customer_contract.VIEW,
    customer_usage.VIEW,
    customer_support.VIEW,
    customer_sentiment.VIEW,
    customer_payments.VIEW,
    lead_profile.VIEW,
    lead_engagement.VIEW,
    deal_pipeline.VIEW,
)

MODEL_ENTITIES: dict[str, Entity] = {
    "churn": CUSTOMER,
    "clv": CUSTOMER,
    "lead_score": LEAD,
    "win_probability": DEAL,
}

BEFORE_CONTACT = frozenset({"lead_score"})


class PostContactError(ValueError):
    """A model that scores before sales has a contact was shown what is filled in after it."""


def view(name: str) -> FeatureView:
    """The view of that name.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    found = {view.name: view for view in VIEWS}
    if name not in found:
        msg = f"no feature view '{name}'; there are {', '.join(found)}"
        raise KeyError(msg)
    return found[name]


def views_of(entity: str) -> tuple[FeatureView, ...]:
    """The views of an entity, given by its key column (`account_id`, `lead_id`, `deal_id`)."""
    return tuple(view for view in VIEWS if view.entity == entity)


def entity_of(view: FeatureView) -> Entity:
    """The entity whose key column the view has."""
    return next(entity for entity in ENTITIES if entity.key == view.entity)


def views_for(model: str) -> tuple[FeatureView, ...]:
    """The views that a model reads.

    Raises:
        KeyError: no model of that name reads features; the message lists those that do.
    """
    if model not in MODEL_ENTITIES:
        msg = f"no model '{model}' reads features; there are {', '.join(MODEL_ENTITIES)}"
        raise KeyError(msg)
    return views_of(MODEL_ENTITIES[model].key)


def columns_for(model: str) -> tuple[FeatureColumn, ...]:
    """The features that a model may use: for the lead score, only those known before sales has a contact."""
    return usable_columns(views_for(model), before_contact=model in BEFORE_CONTACT)


def require_before_contact(model: str, names: Iterable[str], columns: Iterable[FeatureColumn] = ()) -> None:
    """Refuse to show a model that scores before sales has a contact anything that is filled in after it.

    Args:
        names: every column that the model is shown, whether it is declared as its feature or not.
        columns: what is declared of them beside the registry; a name that either declares `post_contact` is refused.

    Raises:
        PostContactError: the message names the columns. Never for a model that is not in `BEFORE_CONTACT`.
    """
    if model not in BEFORE_CONTACT:
        return
    declared = [*(column for view in views_for(model) for column in view.columns), *columns]
    hidden = {column.name for column in declared if column.availability == "post_contact"}
    if shown := sorted(hidden.intersection(names)):
        msg = (
            f"{model} scores before sales has a contact, but was shown {', '.join(shown)}, which the feature views "
            "declare post_contact; read its features with columns_for, or correct the declaration and raise the version"
        )
        raise PostContactError(msg)
