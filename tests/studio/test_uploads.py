"""Uploads are refused in one line or unpacked within their folder, and nothing else happens."""

import contextlib
import os
import stat
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manymodes.cli import UserError
from manymodes_studio import uploads
from manymodes_studio.uploads import MIDI, received, shown, unpack

TUNE = b"MThd" + bytes(60)


@pytest.fixture
def packed(tmp_path):
    """Write a zip of {name: content}; a name may be a ZipInfo."""

    def pack(entries):
        path = tmp_path / "sent.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
        return path

    return pack


@pytest.fixture
def refusal(folder):
    """Try to unpack an archive; return the message."""

    def refused(archive):
        before = outside(folder)
        with pytest.raises(UserError) as caught:
            unpack(archive, folder)
        assert outside(folder) == before
        assert not list(folder.iterdir())
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200
        return str(caught.value)

    return refused


def entry(mode=stat.S_IFREG, method=zipfile.ZIP_STORED):
    """Return an entry of a type of file and a compression."""
    info = zipfile.ZipInfo("tune.mid")
    info.create_system, info.external_attr, info.compress_type = 3, (mode | 0o777) << 16, method
    return {info: b"/etc/passwd"}


def outside(folder):
    """Return the files beside a folder, with their contents."""
    files = [path for path in folder.parent.rglob("*") if path.is_file() and not path.is_relative_to(folder)]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tune.exe", TUNE, "is not a MIDI file"),
        ("tune", TUNE, "is not a MIDI file"),
        ("tune.mid", b"", "is empty"),
        ("tune.mid", bytes(MIDI.most_bytes + 1), "0.5 MB: give a MIDI file of at most 0.5 MB"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, reason):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        received(file, MIDI)


def test_missing_files_folders_and_links_are_refused(tmp_path):
    real = tmp_path / "Größe.MID"
    real.write_bytes(TUNE)
    assert received(str(real), MIDI) == real
    (tmp_path / "link.mid").symlink_to(real)
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(UserError, match="no file was uploaded"):
        received(None, MIDI)
    for name in ("link.mid", "folder.mid", "missing.mid"):
        with pytest.raises(UserError, match="upload it again"):
            received(tmp_path / name, MIDI)


@given(st.text())
def test_a_name_is_shown_on_one_line(name):
    assert len(shown(name)) <= 40
    assert shown(name).isprintable()


def test_midi_files_are_unpacked_with_their_bytes(packed, folder):
    contents = {"a.mid": b"MThd a", "deeper/Frühling.MIDI": b"MThd b", "deeper\\b.mid": b"MThd c"}
    hidden = {"__MACOSX/._a.mid": b"x", ".hidden/b.mid": b"x", "x/.c.mid": b"x"}
    assert unpack(packed({**contents, **hidden, "notes.txt": b"hello", "x/": b""}), folder) == 1
    unpacked = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert unpacked == {"0001-a.mid": b"MThd a", "0002-Frühling.midi": b"MThd b", "0003-b.mid": b"MThd c"}


OUTSIDE = (
    *("a/../../escaped.mid", "/escaped.mid", "//host/escaped.mid", "x/../../y/", f"../{'x' * 500}\n<b>.mid"),
    *("a\\..\\..\\escaped.mid", "C:escaped.mid", "\\\\host\\share\\escaped.mid"),
)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        *(({"good.mid": TUNE, name: b""}, "a path outside the archive") for name in OUTSIDE),
        ({}, "contains no .mid or .midi file"),
        ({"a.txt": b"x", "a.mid/": b""}, "contains no .mid or .midi file"),
        (entry(stat.S_IFLNK), "a link or a device"),
        (entry(stat.S_IFCHR), "a link or a device"),
        (entry(method=zipfile.ZIP_BZIP2), "create an ordinary zip"),
        (entry(method=zipfile.ZIP_LZMA), "create an ordinary zip"),
        ({"a.mid": bytes(MIDI.most_bytes + 1)}, "give files of at most 0.5 MB"),
        ({f"{number}.mid": bytes(MIDI.most_bytes) for number in range(20)}, "at most 100 times the size of the upload"),
        ({"a.mid": TUNE, "inner.ZIP": TUNE}, "another archive: put the files into one zip"),
        ({"a.mid": TUNE, "x/inner.tar.gz": TUNE}, "another archive: put the files into one zip"),
    ],
)
def test_unusable_archives_are_refused(packed, refusal, entries, reason):
    assert reason in refusal(packed(entries))


@pytest.mark.parametrize(
    ("limit", "entries", "reason"),
    [
        ("_LARGEST_UNPACKED", {f"{number}.mid": os.urandom(100) for number in range(11)}, "give at most 1,000 bytes"),
        ("_MOST_FILES", {f"{number}.mid": b"" for number in range(1001)}, "1001 files: give at most 1000"),
        ("_MOST_ENTRIES", {f"{number}.txt": b"" for number in range(1001)}, "more than 1000 entries"),
    ],
)
def test_large_archives_are_refused(packed, refusal, monkeypatch, limit, entries, reason):
    monkeypatch.setattr(uploads, limit, 1000)
    archive = packed(entries)
    if limit == "_MOST_ENTRIES":
        monkeypatch.setattr(zipfile, "ZipFile", None)  # refused before its directory is read
    assert reason in refusal(archive)


@pytest.mark.parametrize(
    ("header", "entry", "value", "reason"),
    [
        (22, 24, struct.pack("<I", 10), "cannot be read as a zip"),  # the stated size of a file that has more
        (6, 8, b"\x01", "which needs a password"),
    ],
)
def test_false_entries_are_refused(packed, refusal, header, entry, value, reason):
    archive = packed({"a.mid": bytes(400_000)})
    data = bytearray(archive.read_bytes())
    for place in (data.find(b"PK\x03\x04") + header, data.find(b"PK\x01\x02") + entry):
        data[place : place + len(value)] = value
    archive.write_bytes(data)
    assert reason in refusal(archive)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", bytes(1000)])
def test_other_files_are_no_archives(tmp_path, refusal, content):
    archive = tmp_path / "sent.zip"
    archive.write_bytes(content)
    assert "cannot be read as a zip" in refusal(archive)


@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(tmp_path_factory, data):
    """Of an archive with any bytes changed, files go to their folder, or there is a message."""
    folder = tmp_path_factory.mktemp("damaged") / "inside"
    folder.mkdir()
    archive = folder.parent / "sent.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("a.mid", "x/b.mid", "c.txt"):
            made.writestr(name, TUNE * 5)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    before = outside(folder)
    with contextlib.suppress(UserError):
        unpack(archive, folder)
    assert outside(folder) == before
    assert all(file.is_file() and not file.is_symlink() for file in folder.rglob("*"))
