"""`$odc` and `$pbids`: files that open a resource, or the whole service, in Excel and in Power BI. They hold the address and no authtoken.

Formats: [MS-ODCFF] 2.7.1.1 with the query of [MS-QDEIF]; "Using PBIDS files to get data" of Power BI's documentation.
"""

from __future__ import annotations

import json
from html import escape
from urllib.parse import quote

from django.http import HttpResponseBase

from apiserver.odata.documents import Document
from apiserver.odata.errors import NotFound
from apiserver.odata.etag import tag
from apiserver.odata.service import Exchange, readable
from apiserver.odata.swagger_info import one_line
from apiserver.powerplatform.answers import check_plain, told
from apiserver.server.addresses import service_root
from apiserver.server.configuration_protocol import nearest

SERVICE = "API Server"
EXCEL, POWER_BI = "text/x-ms-odc; charset=utf-8", "application/json"

CONNECTION = """<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">
<head>
<meta http-equiv=Content-Type content="text/x-ms-odc; charset=utf-8">
<meta name=ProgId content=ODC.Database>
<meta name=SourceType content=OLEDB>
<title>{name}</title>
<xml id=docprops><o:DocumentProperties xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">
<o:Description>{about}</o:Description>
<o:Name>{name}</o:Name>
</o:DocumentProperties></xml>
<xml id=msodc><odc:OfficeDataConnection xmlns:odc="urn:schemas-microsoft-com:office:odc" xmlns="http://www.w3.org/TR/REC-html40">
<odc:PowerQueryConnection odc:Type="OLEDB">
<odc:ConnectionString>{provider}</odc:ConnectionString>
<odc:CommandType>SQL</odc:CommandType>
<odc:CommandText>SELECT * FROM [{name}]</odc:CommandText>
</odc:PowerQueryConnection>
<odc:PowerQueryMashupData>{mashup}</odc:PowerQueryMashupData>
</odc:OfficeDataConnection></xml>
</head>
<body></body>
</html>
"""
PROVIDER = 'Provider=Microsoft.Mashup.OleDb.1;Data Source=$Workbook$;Location="{name}";Extended Properties=""'
MASHUP = (
    '<Mashup xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns="http://schemas.microsoft.com/DataMashup"><Client>EXCEL</Client><Version>2.116.622.0</Version>'
    "<MinVersion>2.21.0.0</MinVersion><Culture>en-US</Culture><SafeCombine>true</SafeCombine>"
    '<Items><Query Name="{name}"><Formula>{formula}</Formula><IsParameterQuery xsi:nil="true" /><IsDirectQuery xsi:nil="true" />'
    "</Query></Items></Mashup>"
)
# The second implementation is the one that Excel and Power BI write themselves for OData 4.
FORMULA = 'let\n    Source = OData.Feed("{url}", null, [Implementation="2.0"])\nin\n    Source'


def odc(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer `$odc` and `$odc/Orders`."""
    name, url = addressed(exchange, path)
    return told(exchange.request, document_of(excel_file(name or SERVICE, url)), f"{name or SERVICE}.odc", EXCEL)


def pbids(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer `$pbids` and `$pbids/Orders`."""
    name, url = addressed(exchange, path)
    return told(exchange.request, document_of(power_bi_file(url)), f"{name or SERVICE}.pbids", POWER_BI)


def addressed(exchange: Exchange, path: str) -> tuple[str, str]:
    """Return the resource, "" for the whole service, and its address: without an authtoken, as the file goes from hand to hand."""
    name = check_plain(exchange, path, most=2)
    root = service_root(exchange.request, None)
    known = readable(exchange.catalog).resources
    if name and name not in known:
        raise NotFound(f"{name} is not published{nearest(name, known)}.", target=name, hint="Leave the name out for the whole service.")
    return name, address_of(root, name)


def address_of(root: str, name: str) -> str:
    """Return the address of a resource, of the service where the name is ""."""
    return f"{root}/{quote(name)}"


def document_of(text: str) -> Document:
    """Return a text as bytes with their ETag."""
    return Document(text.encode(), tag([text]))


def excel_file(name: str, url: str) -> str:
    """Return an Office data connection: one query, which asks who reads when it is opened."""
    shown = one_line(name).replace("]", ")").replace('"', "'")
    formula = escape(FORMULA.format(url=url.replace('"', '""')), quote=False)
    mashup = MASHUP.format(name=escape(shown), formula=formula)
    return CONNECTION.format(
        name=escape(shown), about=escape(f"Rows of {url}"), provider=escape(PROVIDER.format(name=shown)), mashup=escape(mashup)
    )


def power_bi_file(url: str) -> str:
    """Return a Power BI data source file."""
    details = {"protocol": "odata", "address": {"url": url}}
    return json.dumps({"version": "0.1", "connections": [{"details": details, "mode": "Import"}]}, indent=2) + "\n"
