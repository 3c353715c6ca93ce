"""SQL in every position: values are bound, names are quoted, rows outside the filter never come, nothing answers 500."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.hostile.conftest import MARK, NAMES, TOKENS, Source
from tests.served import Served

ATTACKS = (
    f"{MARK}' OR '1'='1",
    f"{MARK}'; DROP TABLE victims; --",
    f'{MARK}" OR 1=1 --',
    f"{MARK}\\' OR 1=1 --",
    f"{MARK}%s %(x)s :x $1 ?",
    f"{MARK}') union select secret from victims --",
    f"{MARK}/*' */ OR 1=1",
    f"{MARK}\u02bc OR 1=1",
)
LEAKS = ("Traceback", "psycopg", "sqlalchemy", "SELECT ", "FROM ", "hushhush", 'File "', "boss")


def get(served: Served, path: str, user: str = "lead", method: str = "GET", body: object = None) -> tuple[int, str]:
    status, headers, content = served.get(path, {"x-cdata-authtoken": TOKENS[user]}, method, body)
    text = content.decode(errors="replace")
    assert status < 500, (path, status, text)
    if status >= 400:
        assert set(json.loads(text)) == {"error"}, (path, text)
        assert headers["content-type"].startswith("application/json")
        assert not [leak for leak in LEAKS if leak in text.replace(MARK, "")], (path, text)
    return status, text


def paths(attack: str) -> list[str]:
    """Return the attack as a literal and raw, in each position of the address."""
    literal, raw = quote("'" + attack.replace("'", "''") + "'", safe=""), quote(attack, safe="")
    return [
        f"?$filter=name%20eq%20{literal}",
        f"?$filter=contains(name,{literal})",
        f"?$filter=id%20eq%20{literal}",
        f"?$filter=name%20in%20({literal})",
        f"?$filter=name%20eq%20{raw}",
        f"?$filter={raw}",
        f"?$filter=name%20eq%20@p&@p={literal}",
        f"?$orderby={raw}",
        f"?$orderby=concat(name,{literal})",
        f"?$select={raw}",
        f"?$expand={raw}",
        f"?$search={quote(chr(34) + attack.replace(chr(34), '') + chr(34))}",
        f"?$search={raw}",
        f"?$top={raw}",
        f"?$skip={raw}",
        f"?$skiptoken={raw}",
        f"?$count={raw}",
        f"?$format={raw}",
        f"?$apply={raw}",
        f"?{raw}={raw}",
        f"({raw})",
        f"({literal})",
        f"(id={literal})",
        f"/{raw}",
        f"(1)/{raw}",
        f"(1)/name/$value?$filter={raw}",
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_in_the_address_finds_nothing_and_stays_out_of_the_text(hostile: Served, source: Source, attack: str) -> None:
    for path in paths(attack):
        text = get(hostile, f"/api.rsc/victims{path}")[1]

        assert "hushhush" not in text and "Bob" not in text, (path, text)

    assert MARK not in source.statements()
    assert source.run("SELECT count(*) FROM victims")[0][0] >= 2


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_in_the_body_is_a_value_or_refused(hostile: Served, source: Source, attack: str) -> None:
    source.run("DELETE FROM victims WHERE id >= 50")
    status, text = get(hostile, "/api.rsc/victims", "lead", "POST", {"id": 50, "name": attack, "country": "JP"})
    assert status == 201 and json.loads(text)["name"] == attack

    assert get(hostile, "/api.rsc/victims(50)", "lead", "PATCH", {"name": attack + "2"})[0] < 300
    for body in (
        {attack: 1},
        {"id": attack, "country": "JP"},
        {"name": {attack: 1}},
        {"name@odata.type": attack, "id": 51, "secret": attack},
    ):
        assert 400 <= get(hostile, "/api.rsc/victims", "lead", "POST", body)[0] < 500, body
    assert get(hostile, "/api.rsc/victims(50)", "lead", "DELETE")[0] == 204

    assert MARK not in source.statements()


def test_rows_outside_the_filter_stay_outside_whatever_is_asked(hostile: Served) -> None:
    for option in (
        "id eq 2 or true",
        "true",
        "not (country eq 'JP')",
        "id eq 2",
        "country ne 'JP' or country eq null",
        "1 eq 1) or (1 eq 1",
    ):
        text = get(hostile, f"/api.rsc/victims?$filter={quote(option)}")[1]
        assert "Bob" not in text, option
    for method in ("GET", "PATCH", "DELETE"):
        assert get(hostile, "/api.rsc/victims(2)", method=method, body={"name": "x"} if method == "PATCH" else None)[0] == 404
    assert get(hostile, "/api.rsc/victims", method="POST", body={"id": 60, "name": "x", "country": "US"})[0] == 403
    assert get(hostile, "/api.rsc/victims(1)", method="PATCH", body={"country": "US"})[0] == 403
    for option in ("$filter=secret eq 'x'", "$orderby=secret", "$select=secret"):
        assert get(hostile, f"/api.rsc/victims?{quote(option, safe='$=')}")[0] == 400, option


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_odd_names_read_filter_and_write(hostile: Served, source: Source, number: int) -> None:
    status, text = get(hostile, f"/api.rsc/Odd{number}(1)", "boss")
    assert status == 200
    names = [name for name in json.loads(text) if name != "id" and "@" not in name]
    assert len(names) == 1, text
    name = names[0]

    path = f"/api.rsc/Odd{number}?$filter={quote(name)}%20eq%20'v'&$orderby={quote(name)}%20desc&$select={quote(name)}&$count=true"
    status, text = get(hostile, path, "boss")
    assert (status, json.loads(text).get("@odata.count")) == (200, 1), text
    assert get(hostile, f"/api.rsc/Odd{number}", "boss", "POST", {"id": 2, name: "w"})[0] == 201
    assert get(hostile, f"/api.rsc/Odd{number}(2)", "boss", "DELETE")[0] == 204
    assert get(hostile, "/api.rsc/$metadata", "boss")[0] == get(hostile, "/api.rsc/$oas", "boss")[0] == 200
