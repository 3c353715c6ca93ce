"""The words by which services ask for pages and tell of them."""

from __future__ import annotations

import re

from connections.connectors.openapi.names import plain, vocabulary

SIZE = vocabulary(
    "limit pagelen perpage pagesize pagelimit size count maxresults maxresult top rows take resultsperpage maxitems numresults pagecount "
    "itemsperpage recordsperpage maxpagesize max maxrecords resultsize batchsize numberofresults nbitems amount sysparmlimit resultlimit "
    "maxrows fetch pagesizelimit maxkeys maximumresults numitems resultspage rpp range perpagecount pagerecords"
)
PAGE = vocabulary("page pagenumber pageno pageindex pagenum currentpage p pageid pagenr pageoffset")
OFFSET = vocabulary("first offset skip start startat startindex from firstresult startposition startitem sysparmoffset startrow firstrow")
CURSOR = vocabulary(
    "cursor pagetoken nexttoken nextpagetoken continuationtoken continuation after starttoken pagecursor nextcursor startcursor marker "
    "nextmarker paginationtoken startingtoken next iterator scrollid pagekey startkey exclusivestartkey pageafter endcursor "
    "pagestate bookmark positiontoken starttid tokenpage resumptiontoken syncpagetoken starting startingafter pageidentifier afterid "
    "aftercursor aftertoken nextid pagestarttoken streamposition continuefrom continue nextpage token position lastevaluatedkey"
)
LAST_ID = vocabulary("startingafter afterid lastid startafterid startafter startingafterid after")
ASKING = SIZE | PAGE | OFFSET | CURSOR | LAST_ID | {"maxid", "minid", "sinceid", "before", "endingbefore"}
NEXT_URL = vocabulary(
    "next nexturl nextlink nextpageurl nextpageuri nextpagelink nextpage nexthref odatanextlink nextrecordsurl nexturi linknext "
    "nextpagepath"
)
MORE = vocabulary("hasmore more hasnext hasnextpage ismore morerecords hasmoreitems moreresults hasmorerecords hasadditional")
PAGES = vocabulary("pages totalpages pagecount numpages lastpage pagestotal totalpage nbpages numberofpages")
TOTAL = vocabulary("total totalcount totalitems totalresults totalrecords totalelements totalsize size count numfound resultcount")
MOST_WORDS = re.compile(
    r"(?:max(?:imum)?(?: value| page size| limit| allowed)?(?: is| of|:)?|up to|between \d+ and|from \d+ to|\b1\s*(?:-|to|,|\.\.))"
    r" ?`?(\d{1,5})",
    re.IGNORECASE,
)
# Names of groups of parameters: `searchCriteria[currentPage]`, `pagination.limit`.
GROUPS = vocabulary("searchcriteria pagination paging pager listoptions options pageable")
TIMES = re.compile(r"timestamp|\bdate|\btime\b|epoch|iso.?8601|created (?:after|before|since)|milliseconds", re.IGNORECASE)
HEADER = re.compile(r"\b(X-[\w-]*(?:Next|Continuation)[\w-]*)", re.IGNORECASE)
PAGES_HEADERS = vocabulary("x-pages x-total-pages x-wp-totalpages x-page-count x-pagination-page-count x-pagination-total-pages")
TOTAL_HEADERS = vocabulary("x-total-count x-total x-wp-total x-total-results x-pagination-item-count x-pagination-total-count total-count")


def word_of(name: str) -> str:
    """Return the plain name of a parameter, without that of its group."""
    parts = [part for part in re.split(r"[\[\].]", name) if part]
    return plain(parts[-1]) if len(parts) > 1 and plain(parts[0]) in GROUPS else plain(name)
