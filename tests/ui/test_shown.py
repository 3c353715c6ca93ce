"""How lists and logs show values in little room."""

from __future__ import annotations

import pytest

from apiserver.ui.templatetags import shown


@pytest.mark.parametrize(
    ("given", "said"), [([], "None"), (["GET"], "GET"), (["GET", "POST"], "GET, POST"), (["POST", "GET", "PUT"], "All")]
)
def test_methods_are_one_line(given: list[str], said: str) -> None:
    assert shown.methods(given, ("GET", "POST", "PUT")) == said


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("$filter=Name%20eq%20%27%E7%94%B0%E4%B8%AD%27", "$filter=Name eq '田中'"),
        ("$filter=a%0Ab", "$filter=a%0Ab"),
        ("$filter=%E2%80%AEab", "$filter=%E2%80%AEab"),
        ("$filter=%FF", "$filter=%FF"),
        ("$top=100%", "$top=100%"),
    ],
)
def test_query_is_decoded_unless_that_hides_characters(query: str, said: str) -> None:
    assert shown.decoded(query) == said


@pytest.mark.parametrize(("status", "classes"), [(200, ""), (304, ""), (404, "state warn"), (501, "state warn"), (500, "state bad")])
def test_outcome_marks_what_was_refused_or_failed(status: int, classes: str) -> None:
    assert shown.outcome(status) == classes


def test_breakable_name_is_escaped() -> None:
    assert shown.breakable("a_b.<i>@c") == "a_<wbr>b.&lt;i&gt;@<wbr>c"
