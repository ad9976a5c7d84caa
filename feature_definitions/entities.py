"""What can be scored: customers, leads and deals, and the columns that identify them in a feature table.

Belongs here: the entities and their keys. Does not belong here: their features.
"""

from dataclasses import dataclass
from typing import Literal

TIME_COLUMN = "as_of"
EntityName = Literal["customer", "lead", "deal"]


@dataclass(frozen=True)
class Entity:
    """A thing that is scored.

    Attributes:
        name: how people and `feat_<entity>_<topic>` call it.
        key: column that identifies it.
        partition: column by whose month ends its feature tables are replaced.
    """

    name: EntityName
    key: str
    partition: str


CUSTOMER = Entity("customer", "account_id", TIME_COLUMN)
LEAD = Entity("lead", "lead_id", "as_of_month")
DEAL = Entity("deal", "deal_id", "as_of_month")

ENTITIES: tuple[Entity, ...] = (CUSTOMER, LEAD, DEAL)
