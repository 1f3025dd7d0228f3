"""What visitors send is refused in one line or unpacked within its folder, and nothing else happens."""

import io
import os
import stat
import struct
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manymodes.cli import UserError
from manymodes_studio import uploads
from manymodes_studio.uploads import MIDI, received, shown, unpack

TUNE = b"MThd" + bytes(60)
PASSWORD = 0x1


@pytest.fixture
def packed(tmp_path):
    """Write a zip of {name: content}; a name may be a ZipInfo."""

    def pack(entries, method=zipfile.ZIP_DEFLATED, name="sent.zip"):
        path = tmp_path / name
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
            warnings.simplefilter("ignore", UserWarning)  # of names that are there twice
            for entry, content in entries.items() if isinstance(entries, dict) else entries:
                archive.writestr(entry, content)
        return path

    return pack


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "inside"
    path.mkdir()
    return path


def entry(name, mode, content=TUNE):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return {info: content}


def outside(folder):
    """Return all files beside a folder, with what is in them."""
    return {
        path: path.read_bytes()
        for path in folder.parent.rglob("*")
        if path.is_file() and not path.is_relative_to(folder)
    }


# --- single files


def test_what_is_as_asked_for_is_received(tmp_path):
    file = tmp_path / "Größe.MID"
    file.write_bytes(TUNE)
    assert received(str(file), MIDI) == file


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tune.exe", TUNE, "is not a MIDI file"),
        ("tune", TUNE, "is not a MIDI file"),
        ("tune.mid", b"", "is empty"),
        ("tune.mid", bytes(MIDI.most_bytes + 1), "0.5 MB: give a MIDI file of at most 0.5 MB"),
    ],
)
def test_what_is_not_is_refused(tmp_path, name, content, reason):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        received(file, MIDI)


def test_nothing_a_folder_and_a_link_are_refused(tmp_path):
    real = tmp_path / "real.mid"
    real.write_bytes(TUNE)
    (tmp_path / "link.mid").symlink_to(real)
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(UserError, match="no file was uploaded"):
        received(None, MIDI)
    for name in ("link.mid", "folder.mid", "missing.mid"):
        with pytest.raises(UserError, match="upload it again"):
            received(tmp_path / name, MIDI)


@given(st.text())
def test_a_name_is_shown_on_one_line(name):
    short = shown(name)
    assert len(short) <= 40
    assert short.isprintable()


# --- archives


def test_files_of_the_kind_are_unpacked_with_their_bytes(packed, folder):
    contents = {"a.mid": b"MThd a", "deeper/Frühling.MIDI": b"MThd b", "deeper/b.mid": b"MThd c"}
    found = unpack(packed({**contents, "notes.txt": b"hello"}), folder)
    assert found == (3, 1)
    assert sorted(file.read_bytes() for file in folder.iterdir()) == sorted(contents.values())
    assert {file.name for file in folder.iterdir()} == {"0001-a.mid", "0002-Frühling.midi", "0003-b.mid"}


def test_what_macos_and_hidden_files_add_is_passed_over(packed, folder):
    found = unpack(packed({"a.mid": TUNE, "__MACOSX/._a.mid": b"x", ".hidden/b.mid": b"x", "x/.c.mid": b"x"}), folder)
    assert found == (1, 0)


@pytest.mark.parametrize(
    "name",
    [
        *("a/../../escaped.mid", "/escaped.mid", "//host/escaped.mid", "x/../../y/"),
        *("a\\..\\..\\escaped.mid", "C:escaped.mid", "\\\\host\\share\\escaped.mid"),
    ],
)
def test_a_path_that_leads_out_is_refused(packed, folder, name):
    archive = packed({"good.mid": TUNE, name: b"" if name.endswith("/") else TUNE})
    before = outside(folder)
    with pytest.raises(UserError, match="path outside the archive"):
        unpack(archive, folder)
    assert outside(folder) == before
    assert not list(folder.iterdir())


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR])
def test_links_and_devices_are_refused(packed, folder, mode):
    archive = packed(entry("tune.mid", mode | 0o777, b"/etc/passwd"))
    with pytest.raises(UserError, match="a link or a device"):
        unpack(archive, folder)
    assert not list(folder.iterdir())


def test_a_bomb_by_ratio_is_refused_unread(packed, folder):
    archive = packed({f"{number}.mid": bytes(MIDI.most_bytes) for number in range(20)})
    assert archive.stat().st_size < MIDI.most_bytes // 10
    with pytest.raises(UserError, match="at most 100 times the size of the upload"):
        unpack(archive, folder)
    assert not list(folder.iterdir())


def test_a_bomb_by_size_is_refused_unread(packed, folder):
    archive = packed({"a.mid": bytes(MIDI.most_bytes + 1)})
    with pytest.raises(UserError, match="give files of at most"):
        unpack(archive, folder)
    assert not list(folder.iterdir())


def test_a_bomb_by_total_is_refused_unread(packed, folder, monkeypatch):
    monkeypatch.setattr(uploads, "_LARGEST_UNPACKED", 1000)
    archive = packed({f"{number}.mid": os.urandom(100) for number in range(11)})
    with pytest.raises(UserError, match="give at most 1,000 bytes"):
        unpack(archive, folder)
    assert not list(folder.iterdir())


def test_a_bomb_by_count_is_refused_before_its_directory_is_read(packed, folder, monkeypatch):
    monkeypatch.setattr(uploads, "_MOST_ENTRIES", 30)
    archive = packed({f"{number}.txt": b"" for number in range(31)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(UserError, match="more than 30 entries"):
        unpack(archive, folder)


def test_too_many_files_are_refused(packed, folder, monkeypatch):
    monkeypatch.setattr(uploads, "_MOST_FILES", 3)
    assert unpack(packed({f"{number}.mid": TUNE for number in range(3)}), folder).files == 3
    with pytest.raises(UserError, match="4 files: give at most 3"):
        unpack(packed({f"{number}.mid": TUNE for number in range(4)}), folder)


@pytest.mark.parametrize("name", ["inner.ZIP", "x/inner.tar.gz"])
def test_a_bomb_by_nesting_is_refused(packed, folder, name):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.mid", TUNE)
    with pytest.raises(UserError, match="another archive: put the files into one zip"):
        unpack(packed({"a.mid": TUNE, name: inner.getvalue()}), folder)
    assert not list(folder.iterdir())


def test_a_size_that_is_a_lie_does_not_get_more_in(packed, folder):
    """The directory says that a file is short, and much comes out of it."""
    archive = packed({"a.mid": bytes(400_000)})
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.find(signature) + offset, 10)
    archive.write_bytes(data)
    with pytest.raises(UserError, match="cannot be read as a zip"):
        unpack(archive, folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(packed, folder, method):
    with pytest.raises(UserError, match="create an ordinary zip"):
        unpack(packed({"a.mid": TUNE}, method), folder)


def test_a_password_is_refused(packed, folder):
    archive = packed({"a.mid": TUNE})
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= PASSWORD
    archive.write_bytes(data)
    with pytest.raises(UserError, match="password"):
        unpack(archive, folder)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", bytes(1000)])
def test_what_is_no_zip_is_refused(tmp_path, folder, content):
    archive = tmp_path / "sent.zip"
    archive.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a zip"):
        unpack(archive, folder)


def test_an_archive_without_the_kind_is_refused(packed, folder):
    for entries in ({}, {"a.txt": b"x"}, {"a.mid/": b""}):
        with pytest.raises(UserError, match=r"contains no \.mid or \.midi file"):
            unpack(packed(entries), folder)


def test_messages_show_names_shortened(packed, folder):
    with pytest.raises(UserError) as caught:
        unpack(packed({f"../{'x' * 500}\n<b>.mid": TUNE}), folder)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(tmp_path_factory, data):
    """Whatever is done to the bytes of an archive: files go to their folder, and nothing but a message comes out."""
    base = tmp_path_factory.mktemp("damaged")
    folder = base / "inside"
    folder.mkdir()
    archive = base / "sent.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("a.mid", "x/b.mid", "c.txt"):
            made.writestr(name, TUNE * 5)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    before = outside(folder)
    try:
        found = unpack(archive, folder)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right, and both are held
    else:
        assert len(list(folder.iterdir())) == found.files
    assert outside(folder) == before
    assert all(file.is_file() and not file.is_symlink() for file in folder.rglob("*"))
