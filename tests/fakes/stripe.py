"""A stand-in of Stripe's API that keeps state: newest first, cursors, filters, form bodies, idempotency keys, versions, search, faults.

By hand: `python -m tests.fakes.stripe [PORT]`. It serves what localstripe can't: prices, `created` ranges, order, customers that owe.
"""

from __future__ import annotations

import re
import secrets
import sys
import time

from tests.fakes.bbql import at
from tests.fakes.grants import Consumer, Grants, basic
from tests.fakes.stripe_data import Row, discount, rows
from tests.fakes.web import Answer, Fake, Refused, Request, run_forever

KEYS = {"sk_live_abc123", "sk_test_abc123", "rk_live_abc123", "sk_sandbox_abc123"}
PLATFORM = Consumer("ca_platform", "sk_live_platform")
ACCOUNT = "acct_1connected"
RANGE = re.compile(r"^(\w+)\[(gt|gte|lt|lte)\]$")
TERM = re.compile(r"""^(-)?(\w+)(:|~|>=|<=|>|<)(?:'([^']*)'|"([^"]*)"|(\d+))$""")
RANGES = "created"
FILTERS: dict[str, str] = {
    "customers": "email test_clock",
    "charges": "customer payment_intent transfer_group",
    "payment_intents": "customer",
    "invoices": "customer subscription status collection_method due_date",
    "invoiceitems": "customer invoice pending",
    "subscriptions": "customer price status collection_method current_period_start current_period_end test_clock",
    "subscription_items": "subscription",
    "prices": "active product type currency lookup_keys[] recurring[interval] recurring[usage_type]",
    "products": "active shippable url ids[]",
    "refunds": "charge payment_intent",
    "balance_transactions": "payout source type currency",
    "events": "type types[] delivery_success",
    "tax_rates": "active inclusive",
    "disputes": "charge payment_intent",
    "payouts": "status arrival_date destination",
    "payment_methods": "customer type",
    "plans": "active product",
}
NO_CREATED = {"subscription_items", "payment_methods", "checkout/sessions", "credit_notes", "quotes", "payment_links", "webhook_endpoints"}
COLUMN = {"lookup_keys[]": "lookup_key", "ids[]": "id", "types[]": "type", "delivery_success": "delivered"}
CHOICES = {
    ("invoices", "status"): {"draft", "open", "paid", "uncollectible", "void"},
    ("subscriptions", "status"): {"active", "all", "canceled", "ended", "incomplete", "past_due", "trialing", "unpaid", "paused"},
}
NUMBERS = {"amount", "balance", "unit_amount", "quantity", "days_until_due"}
PREFIXES = {"customers": "cus", "invoiceitems": "ii", "coupons": "co", "products": "prod", "prices": "price", "webhook_endpoints": "we"}


def failed(status: int, message: str, code: str = "", param: str = "", kind: str = "invalid_request_error") -> Refused:
    """Return an error as Stripe words it."""
    error = {"message": message, "type": kind} | ({"code": code} if code else {}) | ({"param": param} if param else {})
    return Refused(Answer(status, {"error": error}, {"Request-Id": "req_" + secrets.token_hex(6)}))


def nested(pairs: dict[str, str]) -> Row:
    """Return form fields as an object: address[line1]=x -> {address: {line1: x}}."""
    found: Row = {}
    for name, value in pairs.items():
        *path, last = re.findall(r"[^\[\]]+", name)
        place = found
        for step in path:
            place = place.setdefault(step, {})
        place[last] = int(value) if last in NUMBERS else {"true": True, "false": False, "": None}.get(value, value)
    return found


class Stripe(Fake):
    """One running stand-in."""

    logged = ("stripe-version", "stripe-account", "idempotency-key", "content-type")
    controls = {
        "storm": 0,  # so many calls are answered by 429
        "unavailable": 0,  # so many answers are 503
        "lost": 0,  # so many writes are done, but their answer is 503
        "endless": False,  # has_more stays true
        "refuse": None,  # status, message, code and param of what every write answers
        "token_seconds": 7200,
        "scope_key": "scope",
        "consent": "ask",
    }

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.rows = rows()
        self.deleted: dict[str, Row] = {}
        self.replies: dict[str, tuple[str, bytes, Answer]] = {}  # idempotency key -> path, body, answer
        self.grants = Grants({PLATFORM.key: PLATFORM})

    def answer(self, request: Request) -> Answer:
        if request.path == "/oauth/authorize":
            return self.grants.authorize(request, self.control["consent"])
        if request.path == "/oauth/token":
            return self.token(request)
        self.signed_in(request)
        if self.spend("storm"):
            raise failed(429, "Too many requests hit the API too quickly.", "rate_limit", kind="rate_limit_error")
        if self.spend("unavailable"):
            raise failed(503, "Stripe is temporarily unavailable.", kind="api_error")
        with self.lock:
            if request.path.startswith("/v2/core/event_destinations"):
                return self.second_version(request)
            if request.method == "POST" and self.control["refuse"]:
                raise failed(*self.control["refuse"])
            return self.written(request) if request.method == "POST" else self.of_api(request)

    def token(self, request: Request) -> Answer:
        """Give tokens of a connected account."""
        with self.lock:
            answer = self.grants.token(request, self.control)
        if answer.status == 200:
            return Answer(200, answer.body | {"stripe_user_id": ACCOUNT, "livemode": True})
        return answer

    def signed_in(self, request: Request) -> None:
        """Refuse unknown keys, versions and accounts."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = (basic(request) or ("", ""))[0] if scheme.lower() == "basic" else token
        if not key:
            raise failed(401, "You did not provide an API key.")
        if key not in KEYS and not self.grants.is_good(key):
            raise failed(401, f"Invalid API Key provided: {key[:7]}****")
        if not re.fullmatch(r"(20\d\d-\d\d-\d\d(\.[a-z]+)?)?", request.headers.get("stripe-version", "")):
            raise failed(400, "Invalid Stripe API version.")
        if request.headers.get("stripe-account", ACCOUNT) != ACCOUNT:
            raise failed(403, "The provided key does not have access to this account.", "account_invalid")

    def written(self, request: Request) -> Answer:
        """Do a write once for each idempotency key."""
        key = request.headers.get("idempotency-key", "")
        if key in self.replies:
            path, body, answer = self.replies[key]
            if (path, body) != (request.path, request.body):
                raise failed(400, "Keys for idempotent requests can only be used with the same parameters.", kind="idempotency_error")
            return Answer(answer.status, answer.body, {"Idempotent-Replayed": "true"})
        answer = self.of_api(request)
        if key:
            self.replies[key] = (request.path, request.body, answer)
        if self.spend("lost"):
            raise failed(503, "Stripe is temporarily unavailable.", kind="api_error")
        return answer

    def of_api(self, request: Request) -> Answer:
        """Answer one request below /v1."""
        path = request.path.removeprefix("/v1/").strip("/")
        if path == "balance":
            amounts = [{"amount": 123456, "currency": "usd", "source_types": {"card": 123456}}]
            return Answer(body={"object": "balance", "livemode": True, "available": amounts, "pending": amounts[:0]})
        if path in self.rows:
            return self.created(request, path) if request.method == "POST" else Answer(body=self.listed(request, path))
        above, _, key = path.rpartition("/")
        if key == "search" and above in self.rows:
            return Answer(body=self.searched(request, above))
        if key == "cash_balance":
            return Answer(body={"object": "cash_balance", "customer": above.rpartition("/")[2], "available": None, "livemode": True})
        if above in self.rows:
            return self.one(request, above, key)
        raise failed(404, f"Unrecognized request URL ({request.method}: {request.path}).")

    def one(self, request: Request, path: str, key: str) -> Answer:
        """Read, change or delete one object."""
        row = next((row for row in self.rows[path] if row["id"] == key), None)
        if row is None and key in self.deleted and request.method == "GET":
            return Answer(body=self.deleted[key])
        if row is None:
            raise failed(404, f"No such {path.rstrip('s')}: '{key}'", "resource_missing", "id")
        if request.method == "DELETE":
            self.rows[path].remove(row)
            self.deleted[key] = {"id": key, "object": row["object"], "deleted": True}
            return Answer(body=self.deleted[key])
        if request.method == "POST":
            merge(row, nested(self.form(request)))
        if "discounts" in request.all("expand[]") and row.get("discounts"):
            return Answer(body={**row, "discounts": [discount(key) for key in row["discounts"]]})
        return Answer(body=row)

    def form(self, request: Request) -> dict[str, str]:
        """Return a form body; v1 takes nothing else."""
        if request.body and "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
            raise failed(400, "Bodies must be form-encoded (application/x-www-form-urlencoded).")
        return request.form()

    def created(self, request: Request, path: str) -> Answer:
        """Add an object to a list."""
        given = nested(self.form(request))
        if path == "customers" and given.get("email") == "declined@example.com":
            raise failed(402, "Your card was declined.", "card_declined", kind="card_error")
        row = {"id": f"{PREFIXES.get(path, path[:2])}_{secrets.token_hex(6)}", "object": path.rstrip("s"), "created": int(time.time())}
        row |= {"livemode": True, "metadata": {}} | ({"delinquent": False, "balance": 0, "currency": None} if path == "customers" else {})
        merge(row, given)
        self.rows[path].insert(0, row)
        return Answer(200, row)

    def listed(self, request: Request, path: str) -> Row:
        """Return one page of a list."""
        chosen = [row for row in self.rows[path] if self.is_wanted(request, path, row)]
        length = request.first("limit", "10")
        if not length.isdigit() or not 1 <= int(length) <= 100:
            raise failed(400, "This value must be between 1 and 100.", "parameter_invalid_integer", "limit")
        start, end = 0, len(chosen)
        if after := request.first("starting_after"):
            start = self.place(chosen, after, "starting_after") + 1
        if before := request.first("ending_before"):
            end = self.place(chosen, before, "ending_before")
            start = max(start, end - int(length))
        page = chosen[start:end][: int(length)]
        more = self.control["endless"] or start + len(page) < end
        return {"object": "list", "url": request.path, "has_more": more, "data": chosen[: int(length)] if self.control["endless"] else page}

    def place(self, found: list[Row], key: str, param: str) -> int:
        """Return where a cursor points."""
        for place, row in enumerate(found):
            if row["id"] == key:
                return place
        raise failed(400, f"No such object: '{key}'", "resource_missing", param)

    def is_wanted(self, request: Request, path: str, row: Row) -> bool:
        """Claim that a row meets the list's filters; an unknown one is refused."""
        known = {*FILTERS.get(path, "").split(), *([] if path in NO_CREATED else [RANGES])}
        if path == "subscriptions" and not request.first("status") and row["status"] == "canceled":
            return False
        wanted = True
        for name, value in request.query:
            if name in ("limit", "starting_after", "ending_before", "expand[]"):
                continue
            ranged = RANGE.match(name)
            if (ranged.group(1) if ranged else name) not in known:
                raise failed(400, f"Received unknown parameter: {name}", "parameter_unknown", name)
            if (choices := CHOICES.get((path, name))) and value not in choices:
                raise failed(400, f"Invalid {name}: must be one of {', '.join(sorted(choices))}", param=name)
            if name.endswith("[]"):
                wanted &= str(at(row, COLUMN[name])) in request.all(name)
            elif not (path == "subscriptions" and name == "status" and value == "all"):
                wanted &= meets(row, ranged, name, value)
        return wanted

    def searched(self, request: Request, path: str) -> Row:
        """Return what a search finds: terms joined by AND."""
        found = self.rows[path]
        for term in request.first("query").split(" AND "):
            match = TERM.match(term.strip())
            if match is None:
                raise failed(400, f"We were unable to parse your search query: {term}", param="query")
            found = [row for row in found if has(row, match)]
        shown = found[: int(request.first("limit", "10"))]
        return {"object": "search_result", "url": request.path, "has_more": False, "next_page": None, "data": shown}

    def second_version(self, request: Request) -> Answer:
        """Answer the second version of the API: JSON, pages by address."""
        found = [{"id": f"ed_{number}", "object": "v2.core.event_destination", "name": f"Destination {number}", "status": "enabled",
                  "type": "webhook_endpoint", "event_payload": "thin", "enabled_events": ["v1.billing.meter.error_report_triggered"],
                  "livemode": True, "created": f"2026-01-0{number}T00:00:00.000Z", "metadata": {}} for number in range(1, 6)]  # fmt: skip
        start = int(request.first("page", "0"))
        length = int(request.first("limit", "20"))
        following = f"{request.path}?limit={length}&page={start + length}" if start + length < len(found) else None
        return Answer(body={"data": found[start : start + length], "next_page_url": following, "previous_page_url": None})


def merge(row: Row, given: Row) -> None:
    """Take what was sent: objects are merged, the rest replaces."""
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(row.get(name), dict):
            row[name] = row[name] | value
        else:
            row[name] = value


def meets(row: Row, ranged: re.Match[str] | None, name: str, value: str) -> bool:
    """Claim that a row meets one filter."""
    if ranged:
        found = row.get(ranged.group(1))
        if found is None:
            return False
        limit = int(value)
        return bool({"gt": found > limit, "gte": found >= limit, "lt": found < limit, "lte": found <= limit}[ranged.group(2)])
    found = at(row, COLUMN.get(name, name.replace("[", ".").rstrip("]")))
    return (str(found).lower() if isinstance(found, bool) else str(found)) == value


def has(row: Row, match: re.Match[str]) -> bool:
    """Claim that a row meets one term of a search."""
    negated, name, sign, single, double, number = match.groups()
    found, wanted = row.get(name), single or double or number or ""
    if sign == ":":
        result = str(found).lower() == wanted.lower()
    elif sign == "~":
        result = wanted.lower() in str(found or "").lower()
    else:
        word = {">": "gt", "<": "lt", ">=": "gte", "<=": "lte"}[sign]
        result = meets(row, RANGE.match(f"{name}[{word}]"), name, wanted)
    return result is not bool(negated)


if __name__ == "__main__":
    run_forever(Stripe(*(int(value) for value in sys.argv[1:2])))
