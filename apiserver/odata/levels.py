"""$levels: the expansion of a relation to its own kind, repeated (URL Conventions 4.01, 5.1.3.1). Read by expander and payload."""

from __future__ import annotations

from dataclasses import replace

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.parser_errors import raised_by
from apiserver.resources.catalog import PublishedNavigation, PublishedResource


def with_levels(resource: PublishedResource, navigation: PublishedNavigation, item: nodes.ExpandItem, most: int) -> nodes.Options:
    """Return the options of the related rows with $levels written out as nested expansions; `max` stands for `most`."""
    options = item.options or nodes.Options()
    if options.levels is None:
        return options
    left = most if options.levels == "max" else int(options.levels)
    if left > most:
        raise BindError(f"$levels goes no deeper than the limit of {most}. {raised_by('expand_levels')}", item.at, "$expand")
    if navigation.target != resource.name:
        raise BindError(f"$levels needs a relation to its own kind; {navigation.name} leads to {navigation.target}.", item.at, "$expand")
    if left <= 1:
        return replace(options, levels=None)
    again = nodes.ExpandItem((navigation.name,), item.suffix, replace(options, levels=left - 1))
    return replace(options, levels=None, expand=(*(options.expand or ()), again))


def next_level(navigation: PublishedNavigation, item: nodes.ExpandItem, most: int) -> str:
    """Return the expansion that the rest of the related rows needs to be shown as deep as the first page of them."""
    options = item.options
    if options is None or options.levels is None:
        return ""
    left = (most if options.levels == "max" else int(options.levels)) - 1
    nested = [f"${name}={text}" for name, text in options.given.items() if name != "levels"]
    return f"{navigation.name}({';'.join([*nested, f'$levels={left}'])})" if left else ""
