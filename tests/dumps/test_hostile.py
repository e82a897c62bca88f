"""Dumps that want something else than to be read."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipkeeper.integrations.dumps import Limits, read_dump
from shipkeeper.integrations.dumps import members as members_module
from shipkeeper.model.errors import BadInput
from tests.dumps.cluster import (
    PACKINGS,
    as_folder,
    dump_json,
    must_gather,
    one_list,
    small_cluster,
    support_bundle,
    tar_bytes,
    zip_bytes,
)
from tests.wire.objects import listing, pod

pytestmark = pytest.mark.requirement("R-A2")


def refuse(path: Path, told: str, limits: Limits | None = None) -> BadInput:
    with pytest.raises(BadInput, match=told) as caught:
        read_dump(str(path), limits)
    assert caught.value.location is not None
    assert caught.value.location.file.startswith(str(path)), "the error must name the file"
    return caught.value


def write(tmp_path: Path, data: bytes, name: str = "dump") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


class TestBombs:
    """Small files that would fill a machine."""

    limits = Limits(unpacked=64 << 20, ratio_from=4 << 20)

    @pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
    @pytest.mark.parametrize("name", ["must-gather/namespaces/a/core/pods.yaml", "huge.log"])
    def test_a_tar_of_zeros_is_stopped_while_it_unpacks(self, pack: Any, name: str, tmp_path: Path) -> None:
        bomb = pack(tar_bytes({"x/namespaces/a/core/pods.yaml": b"items: []\n", name: bytes(60 << 20)}))
        assert len(bomb) < 100_000
        refuse(write(tmp_path, bomb), "times its size", self.limits)

    def test_a_single_compressed_file(self, tmp_path: Path) -> None:
        bomb = gzip.compress(b'{"items":[' + b" " * (60 << 20) + b"]}")
        refuse(write(tmp_path, bomb), "times its size", self.limits)

    def test_a_zip_of_zeros(self, tmp_path: Path) -> None:
        bomb = zip_bytes({"pods.json": b'{"items":[' + b" " * (60 << 20) + b"]}"})
        refuse(write(tmp_path, bomb), "times its size", self.limits)

    def test_more_than_the_whole_may_be(self, tmp_path: Path) -> None:
        refuse(write(tmp_path, tar_bytes({"pods.json": bytes(3 << 20)})), "2 MiB", Limits(unpacked=2 << 20))

    def test_one_member_that_is_too_big(self, tmp_path: Path) -> None:
        small = Limits(member=1_000)
        for name, data in (
            ("tar", tar_bytes({"pods.json": bytes(5_000)})),
            ("zip", zip_bytes({"p.json": bytes(5_000)})),
        ):
            error = refuse(write(tmp_path, data, name), "are not read", small)
            assert ".json" in str(error.location), "the error must name the member"
        refuse(write(tmp_path, b" " * 5_000, "plain.json"), "are not read", small)
        refuse(as_folder({"a.json": bytes(5_000)}, tmp_path / "folder"), "are not read", small)

    def test_too_many_members(self, tmp_path: Path) -> None:
        files = {f"{i}.json": b"{}" for i in range(50)}
        few = Limits(members=20)
        refuse(write(tmp_path, tar_bytes(files), "tar"), "more than 20 members", few)
        refuse(write(tmp_path, zip_bytes(files), "zip"), "more than 20 members", few)
        refuse(as_folder(files, tmp_path / "folder"), "more than 20 members", few)

    def test_a_yaml_alias_bomb(self, tmp_path: Path) -> None:
        lines = ["kind: Pod", "a0: &a0 [x,x,x,x,x,x,x,x,x]"]
        lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
        refuse(write(tmp_path, "\n".join(lines).encode()), "aliases counted in full")

    def test_deep_nesting(self, tmp_path: Path) -> None:
        for data in (b'{"a":' * 200_000, b"a: " + b"[" * 200_000, b"[" * 200_000, b"- " * 200_000 + b"x"):
            refuse(write(tmp_path, data), ".")
        inside = b'{"kind":"List","items":[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"x":'
        refuse(write(tmp_path, inside + b"[" * 100_000 + b"]" * 100_000 + b"}]}"), "nested|deep|recursion")

    def test_a_line_of_a_hundred_megabytes_is_only_a_long_line(self, tmp_path: Path) -> None:
        item = pod()
        item["metadata"]["annotations"] = {"blob": "x" * (100 << 20)}
        assert len(read_dump(str(write(tmp_path, dump_json(listing([item])).replace(b"\n", b"")))).pods) == 1


class TestPathsThatLeadElsewhere:
    """Members are names, never places on this machine."""

    @pytest.fixture(autouse=True)
    def _nothing_is_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = open

        def reading_only(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            assert mode == "rb", f"{file} was opened with mode {mode}"
            return real(file, mode, *more, **named)

        monkeypatch.setattr(members_module, "open", reading_only, raising=False)

    def test_members_that_climb_out_are_passed_over(self, tmp_path: Path) -> None:
        evil = one_list([pod("evil")])
        for name, pack in (("a.tar", tar_bytes), ("a.zip", zip_bytes)):
            path = write(tmp_path, pack({"../../evil.json": evil, "a/../../evil2.json": evil, "..": evil}), name)
            refuse(path, "nothing in it")
        whole = {**must_gather(small_cluster()), "../namespaces/x/core/pods.yaml": evil}
        inventory = read_dump(str(write(tmp_path, tar_bytes(whole))))
        assert "evil" not in [item.name for item in inventory.pods]
        assert sorted(os.listdir(tmp_path)) == ["a.tar", "a.zip", "dump"]

    def test_absolute_names_are_only_names(self, tmp_path: Path) -> None:
        path = write(tmp_path, tar_bytes({"/etc/cron.d/pods.json": one_list([pod("p")])}))
        assert [item.name for item in read_dump(str(path)).pods] == ["p"]

    def test_links_and_devices_in_archives_are_passed_over(self, tmp_path: Path) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
                info = tarfile.TarInfo("pods.json")
                info.type, info.linkname = kind, "/etc/passwd"
                archive.addfile(info)
        refuse(write(tmp_path, packed.getvalue()), "nothing in it")
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as archive_zip:
            link = zipfile.ZipInfo("pods.json")
            link.external_attr = 0o120777 << 16
            archive_zip.writestr(link, "/etc/passwd")
        refuse(write(tmp_path, zipped.getvalue()), "nothing in it")

    def test_links_and_pipes_in_folders_are_not_followed(self, tmp_path: Path) -> None:
        outside = write(tmp_path, one_list([pod("outside")]), "outside.json")
        folder = as_folder({"a.json": one_list([pod("inside")])}, tmp_path / "folder")
        (folder / "link.json").symlink_to(outside)
        (folder / "dir").symlink_to(tmp_path, target_is_directory=True)
        os.mkfifo(folder / "pipe.json")
        assert [item.name for item in read_dump(str(folder)).pods] == ["inside"]


class TestDamage:
    """Files that were cut off, or never were what they seem."""

    @pytest.mark.parametrize("packing", sorted(PACKINGS))
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(share=st.floats(0.01, 0.995))
    def test_a_truncated_archive_is_never_half_loaded(self, packing: str, share: float, tmp_path: Path) -> None:
        whole = PACKINGS[packing](support_bundle(small_cluster()))
        end = len(whole.rstrip(b"\0")) if packing.startswith("tar") and "." not in packing else len(whole)
        refuse(write(tmp_path, whole[: int(end * share)]), ".")

    @pytest.mark.parametrize("packing", ["tar.gz", "tar.xz", "zip"])
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(share=st.floats(0.05, 0.95), flip=st.integers(1, 255))
    def test_a_damaged_archive_gives_an_error_or_the_whole(
        self, packing: str, share: float, flip: int, tmp_path: Path
    ) -> None:
        whole = bytearray(PACKINGS[packing](support_bundle(small_cluster())))
        whole[int(len(whole) * share)] ^= flip
        try:
            inventory = read_dump(str(write(tmp_path, bytes(whole))))
        except BadInput:
            return
        assert packing == "zip", "gzip and xz carry a checksum over all of it"
        assert len(inventory.pods) in (0, 4) or inventory.missing

    def test_a_truncated_member_names_itself_and_its_line(self, tmp_path: Path) -> None:
        files = support_bundle(small_cluster())
        name = "support-bundle-1/cluster-resources/pods/shop.json"
        files[name] = files[name][:-20]
        error = refuse(write(tmp_path, tar_bytes(files)), "truncated")
        assert name in str(error.location)
        assert error.location is not None
        assert error.location.line > 100

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "nothing in it"),
            (b"   \n", "nothing in it"),
            (b"\x00" * 2_000, "."),
            (b"hello world", "no Kubernetes object"),
            (b"12", "no Kubernetes object"),
            (b"{}", "nothing in it"),
            (b"[]", "nothing in it"),
            (b'{"items": 7}', r"\$\.items"),
            (b'{"kind": "PodList", "items": [7]}', r"items\[0\]"),
            (b"items: 7", "not a list"),
            (b"items: [7]", "no Kubernetes object"),
            (b'{"kind": 5}', r"\$\.kind"),
            (b"kind: 5", r"\$\.kind"),
            (b'{"a": "\xff\xfe"}', "."),
            (b"a: \xff\xfe", "not readable YAML"),
            ("{}".encode("utf-16"), "."),
            (b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"\\ud800"}}', "."),
            (b"\x7fELF\x02\x01\x01", "."),
            (b"%PDF-1.7\n%\xe2\xe3", "."),
        ],
    )
    def test_what_is_no_dump(self, content: bytes, told: str, tmp_path: Path) -> None:
        refuse(write(tmp_path, content), told)

    @pytest.mark.parametrize(
        "write_it", [dump_json, lambda value: b"# yaml\n" + dump_json(value)], ids=["json", "yaml"]
    )
    def test_a_pod_whose_spec_is_a_list_names_its_place_in_the_list(self, write_it: Any, tmp_path: Path) -> None:
        objects = [*small_cluster()[:3], pod("broken", spec=None) | {"spec": []}]
        error = refuse(write(tmp_path, write_it(listing(objects))), r"items\[3\]\.spec")
        assert "array" in error.message

    def test_yaml_tells_the_line_of_the_object(self, tmp_path: Path) -> None:
        text = (
            b"kind: List\nitems:\n- {kind: Pod, apiVersion: v1, metadata: {name: a}}\n- kind: Pod\n  apiVersion: v1\n"
        )
        error = refuse(write(tmp_path, text + b"  metadata: {name: [b]}\n"), r"items\[1\]\.metadata\.name")
        assert error.location is not None
        assert error.location.line == 4

    def test_an_encrypted_zip(self, tmp_path: Path) -> None:
        data = bytearray(zip_bytes({"pods.json": one_list([pod()])}))
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(signature) + offset] |= 1
        refuse(write(tmp_path, bytes(data)), "password|encrypted")

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        error = refuse(tmp_path / "nowhere", "cannot be read")
        assert error.exit_code == 2
        os.mkfifo(tmp_path / "pipe")
        refuse(tmp_path / "pipe", "neither a file nor a folder")
        (tmp_path / "empty").mkdir()
        refuse(tmp_path / "empty", "nothing in it")

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
    def test_no_bytes_raise_anything_else(self, data: bytes, tmp_path: Path) -> None:
        with contextlib.suppress(BadInput):
            read_dump(str(write(tmp_path, data)))

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(draw=st.data())
    def test_no_wrong_value_anywhere_raises_anything_else(self, draw: st.DataObject, tmp_path: Path) -> None:
        """Put a wrong value at a random place of a real object."""
        objects = small_cluster()
        target: Any = objects[draw.draw(st.integers(0, len(objects) - 1))]
        while True:
            keys = list(target) if isinstance(target, dict) else list(range(len(target)))
            key = draw.draw(st.sampled_from(keys))
            inner = target[key]
            if not isinstance(inner, dict | list) or not inner or draw.draw(st.booleans()):
                break
            target = inner
        target[key] = draw.draw(st.sampled_from([None, True, -1, 2**70, 1.5, "", "x", [], [None], {}, {"a": {"b": 1}}]))
        for text in (dump_json(listing(objects)), b"# yaml\n" + dump_json(listing(objects))):
            with contextlib.suppress(BadInput):
                read_dump(str(write(tmp_path, text)))


@pytest.mark.parametrize("field", ["minAvailable", "maxUnavailable"])
def test_a_budget_that_no_api_server_takes_is_refused_where_it_is_read(field: str, tmp_path: Path) -> None:
    item = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "p"},
        "spec": {field: "half"},
    }
    error = refuse(write(tmp_path, dump_json([*small_cluster(), item])), "PodDisruptionBudget")
    assert f"spec.{field}" in error.message, "found later, it would stop a check without a word about which budget"


def test_a_config_map_is_no_survey_and_says_nothing_of_helm(tmp_path: Path) -> None:
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}}
    refuse(write(tmp_path, dump_json([plain]), "alone"), "nothing in it that a survey reads")
    found = read_dump(str(write(tmp_path, dump_json([*small_cluster(), plain]))))
    assert found.missing_in("releases"), "Helm keeps its records in Secrets, and there are none"
