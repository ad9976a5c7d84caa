"""What a person reads in a table on Dagster's pages: judged on the page that the Markdown becomes."""

from datetime import date, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from orchestration import markdown
from orchestration.markdown import Written


class Page(HTMLParser):
    """The tags of a page, and the text of each cell."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(MarkdownIt("commonmark").enable("table").render(source))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parent's signature
        self.tags.add(tag)
        self.cells += [""] * (tag in ("td", "th"))

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.removesuffix("\n")


TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


def cells(*rows: tuple[object, ...]) -> list[str]:
    """The cells below the head, as they are read."""
    names = [f"column {at}" for at in range(len(rows[0]))]
    page = Page(markdown.table(names, rows))
    assert page.tags == TABLE
    return [cell.strip() for cell in page.cells[len(names) :]]


def test_numbers_and_days_read_well() -> None:
    """Thousands are separated, small figures have three digits and large ones none, a day has no hour."""
    assert cells((1234567, 0.12345, -98765.4, np.int64(1000))) == ["1,234,567", "0.123", "-98,765", "1,000"]
    days = (date(2025, 1, 31), datetime(2025, 1, 31), datetime(2025, 1, 31, 7, 5), True)
    assert cells(days) == ["2025-01-31", "2025-01-31", "2025-01-31 07:05", "yes"]


def test_what_is_missing_is_a_dash() -> None:
    """Of whatever kind: none is shown as a word of Python."""
    assert cells((None, float("nan"), pd.NA, pd.NaT, [], "")) == ["–"] * 6
    frame = pd.DataFrame({"text": ["a", None], "rate": [0.5, None], "day": [pd.Timestamp("2025-01-31"), pd.NaT]})
    assert Page(markdown.of_frame(frame)).cells[3:] == ["a", "0.500", "2025-01-31", "–", "–", "–"]


@pytest.mark.parametrize(
    "said",
    [
        "north | south",
        "<script>alert(1)</script>",
        "![logo](https://example.org/seen.png)",
        "[invoice](javascript:alert(1))",
        "**urgent** _now_ ~~never~~ `rm`",
        "AT&amp;T snake_case 5*3",
        "back\\slash \\| pipe",
        "<https://example.org>",
    ],
)
def test_text_of_a_source_stays_text(said: str) -> None:
    """It breaks no table, loads no image, hides no link and changes no letter: what was landed is what is read."""
    assert cells((said, 1)) == [said, "1"]


def test_lines_are_joined_and_long_text_is_cut() -> None:
    """A row of a table is one line."""
    assert cells(("first\nsecond\r\n\tthird",)) == ["first second third"]
    (shown,) = cells(("word " * 200,))
    assert len(shown) == markdown.LONGEST_TEXT
    assert shown.endswith("…")


def test_a_link_of_ours_is_a_link() -> None:
    """What we write ourselves is not escaped."""
    page = Page(markdown.table(["view"], [(Written("[usage](/assets/usage)"),)]))
    assert page.tags == TABLE | {"a"}


def test_an_empty_table_says_so() -> None:
    """No head without rows."""
    assert markdown.table(["a"], []) == "no rows"
    assert markdown.of_frame(pd.DataFrame({"a": []})) == "no rows"


def test_a_huge_table_shows_the_first_rows_and_counts_the_others() -> None:
    """An event log holds no table of a hundred thousand rows."""
    shown = markdown.of_frame(pd.DataFrame({"n": range(100_000)}))
    assert shown.endswith(f"and {100_000 - markdown.MOST_ROWS:,} more rows")
    assert len(Page(shown).cells) - 1 == markdown.MOST_ROWS


def test_a_column_has_one_form() -> None:
    """A large figure takes the digits from its whole column, and from no other one."""
    frame = pd.DataFrame({"amount": [12.5, 12_500.25], "rate": [0.25, 1.0]})
    assert Page(markdown.of_frame(frame)).cells[2:] == ["12", "0.250", "12,500", "1.000"]
