"""Charts on disk, for tests."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import yaml

from shipkeeper.app.given_files import GivenFiles
from shipkeeper.integrations.charts import read_chart
from shipkeeper.model.chart import Chart


def chart_files(values: Any = None, schema: Any = None, **about: Any) -> dict[str, str]:
    """The files of a chart."""
    head = {"apiVersion": "v2", "name": "shop", "version": "1.0.0", **about}
    files = {"Chart.yaml": yaml.safe_dump(head)}
    if values is not None:
        files["values.yaml"] = values if isinstance(values, str) else yaml.safe_dump(values)
    if schema is not None:
        files["values.schema.json"] = yaml.safe_dump(schema)
    return files


def write(folder: Path, files: dict[str, str]) -> Path:
    """Files as a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def packed(files: dict[str, str | bytes], root: str = "shop/") -> bytes:
    """Files as ``helm package`` packs them."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            member = tarfile.TarInfo(root + name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def chart(folder: Path, values: Any = None, schema: Any = None, **about: Any) -> Chart:
    """A chart, read."""
    return read_chart(str(write(folder, chart_files(values, schema, **about))), GivenFiles())
