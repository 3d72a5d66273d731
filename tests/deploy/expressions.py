"""What PromQL expressions ask for, held against what the gateway counts."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from dlp_gateway.observe import instruments

_SELECTOR: Final = re.compile(r"\b(dlp_\w+|up)\b(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_OURS: Final = frozenset({"job", "instance", "le"})  # what Prometheus and its histograms add


@cache
def counted() -> dict[str, frozenset[str]]:
    """Return every sample that /metrics can hold, with the names of its labels."""
    registry = instruments.Instruments().registry
    return {
        sample: frozenset(getattr(collector, "_labelnames", ()))
        for sample, collector in registry._names_to_collectors.items()
    }


def asked(expression: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each metric of an expression with the labels by which it is selected."""
    for name, matchers in _SELECTOR.findall(expression):
        yield name, frozenset(_MATCHER.findall(matchers))


def problems(expression: str) -> list[str]:
    """Return what an expression asks for in vain."""
    known, found = counted() | {"up": frozenset()}, list(asked(expression))
    unknown = [name for name, _ in found if name not in known]
    if unknown:
        return [f"no metric {name}" for name in unknown]
    wrong = [f"{name} has no label {label}" for name, labels in found for label in sorted(labels - known[name] - _OURS)]
    possible = frozenset().union(*(known[name] for name, _ in found)) | _OURS
    groups = {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")}
    return wrong + [f"nothing has the label {label}" for label in sorted(groups - possible - {""})]
