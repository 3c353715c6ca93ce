"""Answers an ABNF judge with the product's parser: one JSON object a line in, one out.

The judge's first line names the entity sets and imports of its model; the parser itself knows no model, so the few rules that
need one are checked here, as the service does with its catalog.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path as FilePath

sys.path.insert(0, str(FilePath(__file__).resolve().parents[2]))

from apiserver.odata import lexer, nodes, parser
from apiserver.odata.literals import duration_value, value_of
from apiserver.odata.percent import decode
from connections.contract.table import Type
from tests.judges import abnf_context, abnf_headers

CONSTRAINTS: dict[str, list[str]] = {}
SERVICE = re.compile(
    r"https?://(?:\[(?:v[0-9A-F]+\.[\w.:~-]+|[0-9A-F:.]+)\]|[\w.~%!$&'()*+,;=-]+)(?::[0-9]+)?/(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
NUMBER = r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?INF|NaN"
DAY = r"-?(?:0[0-9]{3}|[1-9][0-9]{3,})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\.[0-9]{1,12})?)?"
MOMENT = rf"{DAY}T{CLOCK}(?:Z|[-+](?:[01][0-9]|2[0-3]):[0-5][0-9])"
MEMBERS = rf"(?:{lexer.IDENTIFIER}|[-+]?[0-9]+)(?:,(?:{lexer.IDENTIFIER}|[-+]?[0-9]+))*"

Rule = Callable[[str], object]


def refuse(reason: str) -> None:
    raise ValueError(reason)


# ---- query options ----


def one_option(name: str) -> Rule:
    def check(text: str) -> None:
        options = parser.parse_options(text, lenient=False)
        if list(options.given) != [name] or options.custom or options.aliases:
            refuse("another option")

    return check


def query_options(text: str) -> None:
    """Each option by itself: the grammar does not see that one is given twice."""
    for piece in text.split("&"):
        if not piece:
            refuse("empty option")
        custom = parser.parse_options(piece, lenient=False).custom
        if custom and "customName" in CONSTRAINTS and custom[0][0] not in names_of("customName", "parameterName"):
            refuse("no custom option of this model")


def custom_option(text: str) -> None:
    if not parser.parse_options(text).custom:
        refuse("a system option")


# ---- resource paths ----


def names_of(*rules: str) -> set[str]:
    return {name for rule in rules for name in CONSTRAINTS.get(rule, ())}


def imports() -> set[str]:
    return {name for rule, names in CONSTRAINTS.items() if rule.endswith("Import") for name in names}


def resource_path(text: str) -> nodes.ResourcePath:
    path = parser.parse_path(text, decoded=False)
    known_first = names_of("entitySetName", "singletonEntity") | imports()
    is_closed = "primitiveFunctionImport" in CONSTRAINTS  # a rule the model does not name may be any identifier
    for index, segment in enumerate(path.segments):
        name = getattr(segment, "name", "")
        following = getattr(path.segments[index + 1], "name", "") if index + 1 < len(path.segments) else ""
        if index == 0 and is_closed and name[:1] != "$" and name not in known_first:
            refuse("unknown resource")
        functions = {known for rule, known_names in CONSTRAINTS.items() if rule.endswith("Function") for known in known_names}
        if index and name in imports() - functions - names_of("entityColNavigationProperty"):
            refuse("an import after the first segment")
        if following == "$value" and name in names_of("complexProperty", "streamProperty"):
            refuse("no $value here")
    return path


def relative_uri(text: str) -> None:
    text, has_fragment, fragment = text.partition("#")
    path_text, _, query = text.partition("?")
    path = resource_path(path_text)
    if not path.segments:
        refuse("no path")
    first = getattr(path.segments[0], "name", "")
    if has_fragment:
        if first != "$metadata":
            refuse("a fragment")
        abnf_context.check_context(f"#{fragment}", CONSTRAINTS)
    if query:
        query_options(query)
    if first == "$entity":
        options = parser.parse_options(query)
        if options.id is None or ((options.select or options.expand) and len(path.segments) == 1):
            refuse("$entity needs $id, and a type for $select and $expand")


def absolute_uri(text: str) -> None:
    """The service root may have segments: every beginning of the path is tried as root."""
    match = SERVICE.fullmatch(text)
    if match is None:
        raise ValueError("no service root")
    rest = match["rest"]
    if not rest or re.fullmatch(r"(?:[\w.~-]+/)+", rest):
        return
    starts = [0] + [found.end() for found in re.finditer("/", rest.partition("?")[0])]
    for start in starts:
        if accepts(relative_uri, rest[start:]):
            return
    refuse("no service root leads to a resource")


# ---- expressions and literals ----


def expression(text: str) -> nodes.Node:
    decoded = decode(text, plus_is_space=False)
    if decoded != decoded.strip():
        refuse("blanks around")
    return parser.parse_expression(decoded)


def expression_of(*kinds: type) -> Rule:
    def check(text: str) -> None:
        if not isinstance(expression(text), kinds):
            refuse("another kind of expression")

    return check


def call_of(name: str) -> Rule:
    def check(text: str) -> None:
        found = expression(text)
        if not isinstance(found, nodes.Call) or found.name != name:
            refuse("another call")

    return check


def literal(*kinds: str) -> Rule:
    def check(text: str) -> None:
        found = expression(text)
        if not isinstance(found, nodes.Literal) or (kinds and (found.type or "null") not in kinds):
            refuse("no such literal")

    return check


def enum_literal(text: str) -> None:
    found = expression(text)
    if not isinstance(found, nodes.Literal) or (found.kind != "enum" and not re.fullmatch(MEMBERS, str(found.value))):
        refuse("no enumeration")


def geo_literal(shape: str) -> Rule:
    def check(text: str) -> None:
        found = expression(text)
        family = "geography" if shape.startswith("geography") else "geometry"
        if not isinstance(found, nodes.Literal) or found.kind != family:
            refuse("no geo literal")
        elif f";{shape[len(family) :]}" not in str(found.value).lower().replace(";geometrycollection", ";collection"):
            refuse("another shape")

    return check


def duration_literal(text: str) -> None:
    found = expression(text)
    if isinstance(found, nodes.Literal) and found.type is Type.STRING:
        duration_value(found.value)
    elif not isinstance(found, nodes.Literal) or found.type is not Type.DURATION:
        refuse("no duration")


def pattern(regex: str, flags: int = 0) -> Rule:
    compiled = re.compile(regex, flags)

    def check(text: str) -> None:
        if not compiled.fullmatch(text):
            refuse("no match")

    return check


def value(type_: Type) -> Rule:
    return lambda text: value_of(type_, text)


def primitive_value(text: str) -> None:
    """A value in a request body: any type's spelling."""
    if re.fullmatch(rf"{MEMBERS}|SRID=\d+;.+", text):
        return
    if not any(accepts(value(type_), text) for type_ in Type if type_ is not Type.STRING):
        refuse("no primitive value")


def decoded_pattern(regex: str) -> Rule:
    check = pattern(regex)
    return lambda text: check(decode(text, plus_is_space=False))


def lambda_call(text: str) -> None:
    parser.parse_expression(f"Items/{decode(text, plus_is_space=False)}")


def key_value_pair(text: str) -> None:
    parser.parse_path(f"Name({text})", decoded=False)


def json_string(text: str) -> None:
    parser.parse_expression(f"[{decode(text)}]")


def search_expression(text: str) -> None:
    parser.parse_search(decode(text, plus_is_space=False))


def accepts(rule: Rule, text: str) -> bool:
    try:
        rule(text)
    except (parser.ODataSyntaxError, ValueError):
        return False
    return True


INTEGERS = {str(type_.value).lower(): type_ for type_ in (Type.INT16, Type.INT32, Type.INT64, Type.BYTE, Type.SBYTE)}
NUMBERS = (Type.INT32, Type.INT64, Type.DECIMAL, Type.DOUBLE)
RULES: dict[str, Rule] = {
    **{name.lower(): one_option(name.lower()) for name in ("filter", "expand", "select", "orderBy", "search", "compute")},
    **{name: one_option(name) for name in ("skiptoken", "deltatoken")},
    **{f"{name}Value": value(type_) for name, type_ in INTEGERS.items()},
    **{f"{name}Literal": literal(*NUMBERS) for name in (*INTEGERS, "decimal", "double", "single")},
    **{
        family + shape: geo_literal((family + shape).lower())
        for family in ("geography", "geometry")
        for shape in ("Collection", "LineString", "MultiLineString", "MultiPoint", "MultiPolygon", "Point", "Polygon")
    },
    **abnf_headers.RULES,
    "orderBy": one_option("orderby"),
    "queryOptions": query_options,
    "systemQueryOption": query_options,
    "customQueryOption": custom_option,
    "odataUri": absolute_uri,
    "odataRelativeUri": relative_uri,
    "resourcePath": resource_path,
    "entitySetName": pattern(lexer.IDENTIFIER),
    "odataIdentifier": pattern(lexer.IDENTIFIER),
    "functionParameter": key_value_pair,
    "context": lambda text: abnf_context.check_context(text, CONSTRAINTS),
    "commonExpr": expression,
    "boolCommonExpr": expression,
    "boolcommonExpr": expression,
    "firstMemberExpr": expression_of(nodes.Path),
    "propertyPathExpr": expression_of(nodes.Path),
    "notExpr": expression_of(nodes.Unary),
    "isofExpr": call_of("isof"),
    "anyExpr": lambda_call,
    "searchExpr": search_expression,
    "primitiveLiteral": literal(),
    "stringLiteral": literal(Type.STRING),
    "binaryLiteral": literal(Type.BINARY),
    "boolean": literal(Type.BOOLEAN),
    "null": literal("null"),
    "guid": value(Type.GUID),
    "enumLiteral": enum_literal,
    "enumValue": pattern(MEMBERS),
    "booleanValue": pattern("true|false"),
    "date": pattern(DAY),
    "dateValue": pattern(DAY),
    "dateTimeOffsetValue": pattern(MOMENT),
    "dateTimeOffsetLiteral": decoded_pattern(MOMENT),
    "dateTimeOffsetValueInUrl": decoded_pattern(MOMENT),
    "timeOfDayValue": value(Type.TIME),
    "timeOfDayLiteral": literal(Type.TIME),
    "durationValue": value(Type.DURATION),
    "durationLiteral": duration_literal,
    "decimalValue": pattern(NUMBER),
    "doubleValue": value(Type.DOUBLE),
    "singleValue": value(Type.SINGLE),
    "primitiveValue": primitive_value,
    "stringInUrl": json_string,
}


def main() -> None:
    for line in sys.stdin:
        question = json.loads(line)
        if "constraints" in question:
            CONSTRAINTS.update(question["constraints"])
            continue
        rule = RULES.get(question["rule"])
        answer = None if rule is None else accepts(rule, question["input"])
        print(json.dumps({"id": question["id"], "ok": answer}), flush=True)


if __name__ == "__main__":
    main()
