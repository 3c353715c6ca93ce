"""Fields that pages share: numbers of a group that are left empty stay as they are; a field shows while another has one of its values."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms

from apiserver.ui.fields import Numbers, shown_when

LIMITS = Numbers("limits", {"rows": "Rows", "seconds": "Seconds"}, lambda name: (0, None) if name == "rows" else (1, 60))
BEFORE = {"rows": 10, "seconds": 5}


class LimitsForm(forms.Form):
    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given, initial=LIMITS.initial(BEFORE))
        self.fields.update(LIMITS.fields())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"limits_rows": "0", "limits_seconds": "60"}, {"rows": 0, "seconds": 60}),
        ({"limits_rows": "", "limits_seconds": "1"}, {"rows": 10, "seconds": 1}),
        ({}, BEFORE),
    ],
)
def test_number_that_is_left_empty_stays_as_it_is(given: dict[str, str], expected: dict[str, Any]) -> None:
    form = LimitsForm(given)

    assert form.is_valid()
    assert LIMITS.settings(form.cleaned_data, form.initial) == expected


@pytest.mark.parametrize(
    ("given", "wrong"),
    [({"limits_rows": "-1", "limits_seconds": "61"}, ["limits_rows", "limits_seconds"]), ({"limits_seconds": "0"}, ["limits_seconds"])],
)
def test_number_beyond_its_bounds_is_refused(given: dict[str, str], wrong: list[str]) -> None:
    assert list(LimitsForm(given).errors) == wrong


def test_field_tells_which_values_of_another_show_it() -> None:
    field = shown_when(forms.CharField(), "kind", "daily", "weekly")

    assert field.shown_when == ("kind", "daily|weekly")  # type: ignore[attr-defined]
