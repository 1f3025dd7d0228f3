"""The command from end to end: what it writes, what it refuses, and how it ends."""

import json
import re
from dataclasses import replace
from pathlib import Path

import known
import numpy as np
import pandas as pd
import pytest
from breaking import read_json
from midifiles import write_midi, write_pieces

import evaluation
from evaluation import listen
from evaluation.comparison import compare_folders, labels
from evaluation.features import __main__ as features
from evaluation.features.table import COMPARED
from evaluation.legacy import mgeval
from evaluation.report import main

ROOT = Path(evaluation.__file__).parents[1]

pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture(scope="module")
def folders(tmp_path_factory, held_and_org):
    held, org = held_and_org
    root = tmp_path_factory.mktemp("sets")
    write_pieces(root / "org", org[:40])
    write_pieces(root / "gen", held[:20])
    write_pieces(root / "stuck", known.collapsed(org, np.random.default_rng(0), copies=20))
    write_pieces(root / "thief", org[:20])
    (root / "gen" / "broken.mid").write_bytes(b"MThd, but nothing that follows from it")
    return root


@pytest.fixture(scope="module")
def report(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "report"
    assert main([str(folders / "gen"), str(folders / "org"), "--out", str(out), "--jobs", "1"]) == 0
    return out


@pytest.fixture
def result(report):
    return read_json(report / "report.json")


def test_writes_a_page_a_record_and_a_table(report, result):
    assert sorted(path.name for path in report.iterdir()) == ["features.csv", "index.html", "report.json"]
    lines = (report / "features.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 20 + 40
    gen = {"role": "generated", "files": 21, "pieces": 20, "skipped": 1, "drums_only": 0}
    assert result["sets"]["gen"].items() >= gen.items()
    assert [entry["path"] for entry in result["skipped"]] == ["gen/broken.mid"]


def test_scores_lie_in_their_intervals(result):
    assert set(result["features"]) == set(COMPARED)
    for one in result["features"].values():
        assert one["ci"][0] <= one["overlap"] <= one["ci"][1]
        for low, high in (one["kld_ci"], one["jsd_ci"], one["wasserstein"]["ci"], one["spread"]["ci"]):
            assert 0 <= low <= high
    assert result["score_ci"][0] < result["score"] <= result["score_ci"][1] <= 1
    scores = [result["diversity"][name] for name in ("vendi", "precision", "recall", "density", "coverage", "frechet")]
    for score in (*scores, result["manhattan"], result["collapse"]["near_copies"]):
        assert score["ci"][0] <= score["value"] <= score["ci"][1]
    for runs in (result["copying"]["gen"], result["copying"]["train"]):
        assert runs["copied_share_ci"][0] <= runs["copied_share"] <= runs["copied_share_ci"][1]
    assert result["collapse"]["found"] is False


def test_every_documented_key_is_there_and_no_other(result):
    text = (ROOT / "evaluation" / "README.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)`", text.split("## The JSON file")[1].split("\n## ")[0], re.MULTILINE))
    feature = set(next(iter(result["features"].values())))
    assert set(result) | feature == documented - {"comparisons", "mgeval"}


def test_the_page_needs_no_other_file(report):
    page = (report / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    for absent in ("@import", "url(", "fetch(", "XMLHttpRequest"):
        assert absent not in page
    for present in ("gen/broken.mid", "python -m evaluation.report", "prefers-color-scheme: dark", "@media print"):
        assert present in page


def test_the_same_seed_writes_the_same_bytes_for_any_number_of_jobs(folders, report, tmp_path):
    out = tmp_path / "again"
    main([str(folders / "gen"), str(folders / "org"), "--out", str(out), "--jobs", "2"])
    assert without_command(out) == without_command(report)


def without_command(folder):
    """Return the files of a report. Their line with the command differs, for it names the folder; nothing else may."""
    return {
        path.name: re.sub(".*evaluation.report /.*", "", path.read_text(encoding="utf-8")) for path in folder.iterdir()
    }


@pytest.fixture(scope="module")
def ranked(folders):
    return compare_folders([folders / name for name in ("stuck", "gen", "thief")], folders / "org", jobs=1)


def test_several_sets_are_ranked(ranked):
    files = {name: "".join(blocks) for name, blocks in ranked.files("evaluation.report").items()}
    result = json.loads(files["report.json"])
    assert result["ranking"][0] == "gen"
    assert result["ranking"][-1] == "stuck"
    assert set(result["comparisons"]) == {"stuck", "gen", "thief"}
    # without a name, the keys are those of the first set given
    assert result["collapse"] == result["comparisons"]["stuck"]["collapse"]
    assert "<h2>Ranking</h2>" in files["index.html"]


@pytest.mark.parametrize(
    ("name", "most", "least", "faults", "complaints"),
    [
        ("gen", 0.7, 0.85, ("collapse", "copying"), []),
        ("stuck", 0.7, None, (), ["over 0.7"]),
        ("stuck", None, 0.85, (), ["under 0.85"]),
        ("stuck", None, None, ("collapse",), ["collapsed: "]),
        ("stuck", None, None, ("copying",), []),
        ("thief", 0.7, None, ("collapse", "copying"), ["copying: "]),
    ],
)
def test_thresholds_for_continuous_integration(ranked, name, most, least, faults, complaints):
    one = [comparison for comparison in ranked.comparisons if comparison.gen.label == name]
    failures = replace(ranked, comparisons=one).failures(most, least, faults)
    assert len(failures) == len(complaints)
    assert all(complaint in failure for complaint, failure in zip(complaints, failures, strict=True))


def test_mgeval_features_without_a_page(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(mgeval, "GRID", 100)  # most of the time
    out = tmp_path / "r"
    assert main([str(folders / "gen"), str(folders / "thief"), "--mgeval", "--no-html", "--out", str(out)]) == 0
    assert not (out / "index.html").exists()
    result = read_json(out / "report.json")
    assert list(result["features"]) == list(evaluation.FEATURES)[:12]
    assert set(result["features"]["pitch_range"]["mgeval"]) == {"overlap_gen", "overlap_org", "kld_gen", "kld_org"}
    assert len(result["features"]["bar_used_pitch"]["gen"]["mean"]) == 8


def test_tiny_sets_are_not_comparable_and_no_error(tmp_path, capsys):
    write_midi(tmp_path / "a" / "1.mid", [(0.0, 1.0, 60)])
    write_midi(tmp_path / "b" / "1.mid", [(0.0, 1.0, 62), (1.0, 1.0, 64)])
    limits = ["--fail-under", "0.1", "--fail-over", "0.9"]
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "r"), *limits]) == 1
    printed = capsys.readouterr()
    assert "not comparable" in printed.out
    assert printed.err.count("not good enough: ") == 2  # nor are scores that are unknown


@pytest.mark.parametrize(
    ("program", "arguments", "words"),
    [
        (main, ["{gen}"], "give generated sets and then the originals"),
        (main, ["{empty}", "{org}"], "no .mid or .midi files"),
        (main, ["{gen}", "{org}", "--out", "{empty}/file/report"], "{empty}/file"),
        (main, ["{gen}", "{org}", "--fail-under", "2"], "--fail-under"),
        (main, ["{gen}", "{org}", "--fail-on", "boredom"], "collapse, copying"),
        (main, ["{gen}", "{org}", "--jobs", "0"], "--jobs"),
        (main, ["{gen}", "{org}", "--seed", "-1"], "--seed"),
        (features.main, ["{gen}/nowhere"], "no such folder"),
    ],
)
def test_mistakes_get_one_line_and_write_nothing(folders, tmp_path, refused, program, arguments, words):
    places = {"gen": folders / "gen", "org": folders / "org", "empty": tmp_path / "empty"}
    places["empty"].mkdir()
    (places["empty"] / "file").touch()
    out = [] if "--out" in arguments else ["--out", tmp_path / "r"]
    assert words.format(**places) in refused(program, *(argument.format(**places) for argument in arguments), *out)


def test_a_cluster_that_does_not_answer_is_named(folders, tmp_path, refused, monkeypatch):
    distributed = pytest.importorskip("distributed")
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, **_: client(address, timeout="0.2s"))
    arguments = (folders / "gen", folders / "org", "--scheduler", "tcp://127.0.0.1:9", "--out", tmp_path / "r")
    assert "tcp://127.0.0.1:9 does not answer" in refused(main, *arguments)


def test_folders_are_named_by_what_is_different():
    assert labels([Path("/x/gen"), Path("/x/org")]) == ["gen", "org"]
    assert labels([Path("/x/gen"), Path("/y/gen")]) == ["x/gen", "y/gen"]
    assert labels([Path("/x/gen"), Path("/x/gen")]) == ["x/gen", "x/gen (2)"]


def test_the_same_from_python_as_data_frames(folders, ranked):
    result = ranked.comparisons[1]
    frame = evaluation.comparison_frame(result)
    assert list(frame.index) == list(COMPARED)
    assert frame.loc["pitch_range", "overlap"] == result.features["pitch_range"].overlap.value
    gen = evaluation.read_set(folders / "gen", jobs=1)
    table = evaluation.feature_frame(gen)
    assert table["total_used_note"].tolist() == [len(piece) for piece in gen.pieces]
    pd.testing.assert_frame_equal(table, evaluation.feature_frame(result.gen))


def test_a_page_to_listen_to_tells_nothing_before_the_answer(tmp_path, tunes):
    gen, org = tunes[:6], tunes[6:14]
    found = listen.pairs(gen, org, 20, seed=1)
    assert len(found) == 6
    for first, second, real in found:
        assert (second if real else first).name in {piece.name for piece in org}
        assert (first if real else second).name in {piece.name for piece in gen}
    assert 0 < sum(real for *_, real in found) < 6
    text = listen.page(found)
    assert not any(piece.name in text for piece in tunes[:14])
    assert text.count('class="play"') == 12
    assert text == listen.page(listen.pairs(gen, org, 20, seed=1)) != listen.page(listen.pairs(gen, org, 20, seed=2))
