"""Charts read from folders and archives, friendly and hostile."""

from __future__ import annotations

import pytest

from shipkeeper.app.given_files import GivenFiles
from shipkeeper.assessment.classing.gather import crds_of
from shipkeeper.assessment.classing.values import defaults_of
from shipkeeper.integrations.charts import read_chart
from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.model.errors import BadInput
from tests.classing.charts import chart_files, packed, write

CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.org
  labels:
    {{- include "labels" . | nindent 4 }}
spec: {group: example.org, names: {kind: Thing, plural: things}, scope: Namespaced, versions: []}
"""
PLAIN = CRD.replace('    {{- include "labels" . | nindent 4 }}\n', "    a: b\n")


def whole() -> dict[str, str | bytes]:
    annotations = {
        "artifacthub.io/changes": "- kind: removed\n  description: the old flag\n- just words\n",
        "artifacthub.io/containsSecurityUpdates": "true",
    }
    files: dict[str, str | bytes] = dict(
        chart_files(
            {"replicas": 1, "sub": {"enabled": True}},
            appVersion="2.0",
            kubeVersion=">=1.25.0-0",
            annotations=annotations,
            dependencies=[{"name": "sub", "version": "0.1.0"}, {"name": "far", "version": "1.x", "alias": "away"}],
        )
    )
    files["crds/things.yaml"] = PLAIN
    files["templates/crd.yaml"] = "{{- if .Values.crds }}\n" + CRD.replace("things", "others") + "{{- end }}\n"
    files["templates/hard.yaml"] = CRD.replace("scope: Namespaced", "scope: {{ .Values.scope }}")
    files["charts/sub/Chart.yaml"] = "name: sub\nversion: 0.1.0\n"
    files["charts/sub/values.yaml"] = "enabled: false\nsize: 5\n"
    return files


@pytest.mark.parametrize("how", ["folder", "archive", "nested"])
def test_a_chart_is_read_with_what_is_in_it(tmp_path, how):
    files = whole()
    if how == "nested":
        inner = {
            name.removeprefix("charts/sub/"): files.pop(name) for name in list(files) if name.startswith("charts/sub/")
        }
        files["charts/sub-0.1.0.tgz"] = packed(inner, "sub/")
    if how == "folder":
        place = write(tmp_path / "chart", files)
    else:
        place = tmp_path / "shop.tgz"
        place.write_bytes(packed(files))
    read = read_chart(str(place), GivenFiles())
    assert (read.name, read.version, read.app_version, read.kube_version) == ("shop", "1.0.0", "2.0", ">=1.25.0-0")
    assert read.changes == (("removed", "the old flag"), ("", "just words"))
    assert read.security_updates is True
    assert read.crds_in_folder == 1, "helm upgrade would leave them as they are"
    assert [one.key for one in read.dependencies] == ["sub", "away"]
    assert sorted(item["metadata"]["name"] for item in crds_of(read)) == ["others.example.org", "things.example.org"]
    assert read.unread_crds == ("templates/hard.yaml",), "a definition that needs rendering is said to be unread"
    defaults = defaults_of(read)
    assert defaults["sub"] == {"enabled": True, "size": 5}, "a chart's values go over those of the charts inside it"


def test_a_folder_of_archives_is_unpacked_too(tmp_path):
    place = write(tmp_path / "chart", chart_files({"sub": {}}, dependencies=[{"name": "sub", "version": "1"}]))
    (place / "charts").mkdir()
    (place / "charts" / "sub-1.0.0.tgz").write_bytes(packed({"Chart.yaml": "name: sub\nversion: 1.0.0\n"}, "sub/"))
    assert [inner.name for inner in read_chart(str(place), GivenFiles()).charts] == ["sub"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"values.yaml": "a: 1"}, "no Chart.yaml"),
        ({"a/Chart.yaml": "name: a\nversion: 1", "b/Chart.yaml": "name: b\nversion: 1"}, "more than one chart"),
        ({"Chart.yaml": "name: a"}, "needs a name and a version"),
        ({"Chart.yaml": "- a"}, "must be one mapping"),
        ({"Chart.yaml": "name: a\nversion: 1\n", "values.yaml": "a: [1"}, "not readable YAML"),
        ({"Chart.yaml": "name: a\nversion: 1\ndependencies: [{version: 1}]"}, "dependency has no name"),
        ({"Chart.yaml": "name: a\nversion: 1\n", "values.yaml": "a: &a [x]\n" + "b: [" + "*a, " * 9 + "*c]"}, "alias"),
    ],
)
def test_what_is_no_chart_is_an_error_with_its_place(tmp_path, files, words):
    with pytest.raises(BadInput, match=words) as refused:
        read_chart(str(write(tmp_path / "chart", files)), GivenFiles())
    assert str(tmp_path / "chart") in str(refused.value.location)


def test_an_archive_made_to_fill_the_machine_is_stopped(tmp_path):
    place = tmp_path / "bomb.tgz"
    place.write_bytes(packed({"Chart.yaml": "name: a\nversion: 1\n", "values.yaml": b"a: 1\n" * 2_000_000}))
    with pytest.raises(BadInput, match="unpacks to more than 4 MiB"):
        read_chart(str(place), GivenFiles(Limits(unpacked=4 << 20)))


def test_a_member_that_climbs_out_is_not_followed(tmp_path):
    place = tmp_path / "climbs.tgz"
    place.write_bytes(packed({"shop/Chart.yaml": "name: a\nversion: 1\n", "../../values.yaml": "stolen: 1"}, root=""))
    assert read_chart(str(place), GivenFiles()).defaults == {}


def test_charts_without_end_are_stopped(tmp_path):
    files: dict[str, str | bytes] = {"Chart.yaml": "name: a\nversion: 1\n"}
    for _ in range(8):
        files = {"Chart.yaml": "name: a\nversion: 1\n", "charts/a.tgz": packed(files, "a/")}
    place = tmp_path / "deep.tgz"
    place.write_bytes(packed(files))
    with pytest.raises(BadInput, match="nested deeper"):
        read_chart(str(place), GivenFiles())
