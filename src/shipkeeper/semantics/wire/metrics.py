"""The API server's own metrics, as far as a survey reads them.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/ (apiserver_requested_deprecated_apis, a gauge
that is 1 for each deprecated API asked for since the server started; stable since 1.26 under this name, with labels
group, version, resource, subresource, removed_release).
"""

from __future__ import annotations

import re

from shipkeeper.model.facts import DeprecatedRequest

_SAMPLE = re.compile(rb"^apiserver_requested_deprecated_apis\{([^\n]*)\}[ \t]+(\S+)", re.MULTILINE)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def deprecated_requests(text: bytes) -> tuple[DeprecatedRequest, ...]:
    """Every deprecated API that was asked for, in order."""
    found = set()
    for sample in _SAMPLE.finditer(text):
        if _is_zero(sample.group(2)):
            continue
        labels = dict(_LABEL.findall(sample.group(1).decode("utf-8", "replace")))
        if labels.get("resource"):
            found.add(
                DeprecatedRequest(
                    group=labels.get("group", ""),
                    version=labels.get("version", ""),
                    resource=labels["resource"],
                    removed_release=labels.get("removed_release", ""),
                    subresource=labels.get("subresource", ""),
                )
            )
    return tuple(sorted(found, key=lambda item: (item.group, item.version, item.resource, item.subresource)))


def is_metrics(text: bytes) -> bool:
    """Whether these are an API server's metrics: a proxy's page must not pass for one that asked for nothing old."""
    return b"\n# TYPE apiserver_" in text or text.startswith(b"# TYPE apiserver_")


def _is_zero(value: bytes) -> bool:
    try:
        return float(value) == 0
    except ValueError:
        return True
