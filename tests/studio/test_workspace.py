import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from manymodes_studio.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


@pytest.mark.parametrize("session", [None, "a", "../../escaped", "/escaped", "..", "", "a/b", "\x00", "x" * 5000])
def test_no_session_leads_out_of_the_root(workspace, session):
    before = set(workspace.root.parent.iterdir())
    folder = workspace.new(session)
    assert folder != workspace.new(session)
    assert folder.resolve().is_relative_to(workspace.root.resolve())
    assert set(workspace.root.parent.iterdir()) == before
    workspace.forget(session)
    assert not folder.exists()


def test_only_the_latest_of_a_visitor_are_kept_until_they_leave(workspace):
    others = workspace.new("other")
    folders = [workspace.new("one") for _ in range(12)]
    (folders[-1] / "a.wav").touch()
    assert [folder.exists() for folder in folders] == [False] * 4 + [True] * 8
    workspace.forget("one")
    workspace.forget("nobody")
    assert not any(folder.exists() for folder in folders)
    assert others.exists()


def test_visitors_come_while_others_leave(workspace):
    def come_and_leave(session):
        for _ in range(50):
            for _ in range(10):
                workspace.new(session)
            workspace.forget(session)

    with ThreadPoolExecutor(4) as visitors:
        list(visitors.map(come_and_leave, "abcd"))


def test_messages_lose_folders_and_keep_names(workspace):
    file = workspace.new("a") / "Mein Lied.mid"
    text = f"{file} is silent, and {Path('/elsewhere/x.mid')} is not"
    assert workspace.without_folders(text) == "Mein Lied.mid is silent, and /elsewhere/x.mid is not"


def test_the_oldest_files_go_when_there_are_too_many_bytes(tmp_path):
    workspace = Workspace(tmp_path)
    now = time.time()
    for number, age in enumerate((5000, 4000, 3000, 10)):
        file = tmp_path / "uploads" / f"{number}.mid"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(100))
        os.utime(file, (now - age, now - age))
    assert workspace.sweep(250)
    assert sorted(path.name for path in tmp_path.rglob("*.mid")) == ["2.mid", "3.mid"]
    assert not workspace.sweep(0), "a page may still show the fresh one"
    assert [path.name for path in tmp_path.rglob("*.mid")] == ["3.mid"]
