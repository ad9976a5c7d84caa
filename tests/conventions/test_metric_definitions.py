"""The macro from which SQL takes the metrics says what their definitions say."""

from orchestration.metrics import metric_formulas


def test_macro_of_the_metrics_is_up_to_date() -> None:
    """After a change of models/metrics the macro is made again: `make metrics-page`."""
    assert metric_formulas.TARGET.read_text() == metric_formulas.rendered()
