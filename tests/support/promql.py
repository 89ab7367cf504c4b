"""Reads PromQL: which metrics an expression names, and which values of their labels."""

from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser
from promql_parser import MatchOp, VectorSelector

from support.metrics import Page

# What the scraper adds, and what Grafana puts in.
_OF_THE_TARGET = {"job", "instance"}


def selectors(expression: str) -> list[VectorSelector]:
    """Returns what an expression selects.

    Raises:
        ValueError: it is no PromQL.
    """
    found: list[VectorSelector] = []

    def visit(part: Any) -> None:  # noqa: ANN401 - the nodes' classes have no common one but object
        if isinstance(part, VectorSelector):
            found.append(part)

    promql_parser.walk(promql_parser.parse(expression.replace("$__rate_interval", "5m")), visit)
    return found


def unknown(expression: str, page: Page, *, also: frozenset[str] = frozenset()) -> list[str]:
    """Returns what an expression names that a page does not have: metrics, labels, and values of labels.

    Args:
        expression: PromQL.
        page: a reading of the metrics.
        also: metrics that are known beside those, with any labels.
    """
    known = _labels(page)
    return [
        wrong
        for selector in selectors(expression)
        if selector.name not in also
        for wrong in _wrong(selector, known)
    ]


def _wrong(selector: VectorSelector, known: Mapping[str, Mapping[str, set[str]]]) -> Iterator[str]:
    name = str(selector.name)
    if name not in known:
        yield name
        return
    for matcher in selector.matchers.matchers:
        if matcher.name in _OF_THE_TARGET:
            continue
        several = matcher.op in (MatchOp.Re, MatchOp.NotRe)  # they have no hash
        for value in matcher.value.split("|") if several else [matcher.value]:
            if value not in known[name].get(matcher.name, ()):
                yield f"{name}{{{matcher.name}={value}}}"


def _labels(page: Page) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for name, pairs in page.series:
        labels = found.setdefault(name, {})
        for label, value in pairs:
            labels.setdefault(label, set()).add(value)
    return found
