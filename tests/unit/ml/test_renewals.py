import numpy as np
import pandas as pd

from ml.models import renewals


def test_renewals_fall_into_the_months_of_the_contract() -> None:
    """An annual renewal in 40 days falls into the second month ahead and every twelfth after it."""
    rows = pd.DataFrame(
        {
            "as_of": pd.Timestamp("2024-01-31"),
            "billing_period": ["Annual", "quarterly", "monthly", "unknown", None],
            "renewal_due_days": [40.0, 3.0, 28.0, 5.0, np.nan],
        }
    )
    found = renewals.renewals(rows)
    assert found.term.tolist() == [12, 3, 1, 1, 1]
    assert found.first.tolist() == [2, 1, 1, 1, 1]
    due = found.by_row().are_due(np.arange(1, 15))
    assert np.flatnonzero(due[0]).tolist() == [1, 13]
    assert np.flatnonzero(due[1]).tolist() == [0, 3, 6, 9, 12]
    assert due[2:].all()


def test_without_contracts_any_month_will_do() -> None:
    """Rows without the contract's features can leave in every month."""
    assert renewals.renewals(pd.DataFrame({"as_of": [pd.Timestamp("2024-01-31")]})).are_due(np.array([7])).all()
