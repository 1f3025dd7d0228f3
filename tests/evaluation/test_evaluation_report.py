"""The command from end to end: what it writes, what it refuses, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import known
import numpy as np
import pytest
from conftest import write_midi, write_pieces

import evaluation
from evaluation.report import labels, main

ROOT = Path(evaluation.__file__).parents[1]


pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture(scope="module")
def folders(tmp_path_factory, held_and_org):
    held, org = held_and_org
    root = tmp_path_factory.mktemp("sets")
    write_pieces(root / "org", org[:60])
    write_pieces(root / "gen", held[:30])
    write_pieces(root / "stuck", known.collapsed(org, np.random.default_rng(0), copies=30))
    write_pieces(root / "thief", org[:30])
    (root / "gen" / "broken.mid").write_bytes(b"MThd, but nothing that follows from it")
    return root


@pytest.fixture(scope="module")
def report(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "report"
    assert main([str(folders / "gen"), str(folders / "org"), "--out", str(out), "--jobs", "1"]) == 0
    return out


def test_writes_a_page_a_record_and_a_table(report):
    assert sorted(path.name for path in report.iterdir()) == ["features.csv", "index.html", "report.json"]
    lines = (report / "features.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 30 + 60


def test_the_record_has_its_documented_keys(report):
    record = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert {"sets", "features", "collapse", "copying", "skipped", "command", "seed", "verdict", "score"} <= set(record)
    assert set(record["features"]) == set(evaluation.FEATURES)
    for one in record["features"].values():
        assert {"gen", "org", "intra_gen", "intra_org", "overlap", "overlap_ceiling", "kld", "ci", "p"} <= set(one)
        assert one["ci"][0] <= one["overlap"] <= one["ci"][1]
        for low, high in (one["kld_ci"], one["jsd_ci"], one["wasserstein"]["ci"], one["spread"]["ci"]):
            assert 0 <= low <= high
    assert record["score_ci"][0] < record["score"] <= record["score_ci"][1] <= 1
    for name in ("vendi", "precision", "recall", "density", "coverage", "frechet"):
        score = record["diversity"][name]
        assert score["ci"][0] <= score["value"] <= score["ci"][1]
    for score in (record["manhattan"], record["collapse"]["near_copies"]):
        assert score["ci"][0] <= score["value"] <= score["ci"][1]
    for runs in (record["copying"]["gen"], record["copying"]["train"]):
        assert runs["copied_share_ci"][0] <= runs["copied_share"] <= runs["copied_share_ci"][1]
    assert record["sets"]["gen"] == {
        "role": "generated",
        "folder": record["sets"]["gen"]["folder"],
        "files": 31,
        "pieces": 30,
        "skipped": 1,
        "drums_only": 0,
        "notes": record["sets"]["gen"]["notes"],
    }
    assert [entry["path"] for entry in record["skipped"]] == ["gen/broken.mid"]
    assert record["command"].startswith("python -m evaluation.report ")
    assert record["collapse"]["found"] is False


def test_every_documented_key_is_there_and_no_other(report):
    text = (ROOT / "evaluation" / "README.md").read_text(encoding="utf-8")
    record = json.loads((report / "report.json").read_text(encoding="utf-8"))
    documented = set(re.findall(r"^\| `(\w+)`", text.split("## The JSON file")[1].split("\n## ")[0], re.MULTILINE))
    feature = set(next(iter(record["features"].values())))
    optional = {"comparisons", "mgeval"}
    assert set(record) | feature == documented - optional


def test_the_page_needs_nothing_beside_it(report):
    page = (report / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "@import" not in page
    assert "url(" not in page
    assert "<script" not in page
    for wanted in (
        "gen/broken.mid",
        "python -m evaluation.report",
        "Seed",
        "prefers-color-scheme: dark",
        "@media print",
    ):
        assert wanted in page
    # the verdict comes before any table
    assert page.index('class="verdict"') < page.index("<table>")


def test_the_same_seed_writes_the_same_bytes(folders, report, tmp_path):
    out = tmp_path / "again"
    main([str(folders / "gen"), str(folders / "org"), "--out", str(out), "--jobs", "2"])
    for name in ("features.csv", "report.json", "index.html"):
        first, second = (without_command(folder / name) for folder in (report, out))
        assert first == second


def without_command(path):
    """The command differs, for it names the folder; nothing else may."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "evaluation.report /" not in line]


def test_another_seed_draws_other_samples(folders, report, tmp_path):
    main([str(folders / "gen"), str(folders / "org"), "--out", str(tmp_path / "r"), "--seed", "7", "--no-html"])
    first, second = (
        json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in (report, tmp_path / "r")
    )
    assert first["features"]["pitch_range"]["overlap"] == second["features"]["pitch_range"]["overlap"]
    assert first["features"]["pitch_range"]["ci"] != second["features"]["pitch_range"]["ci"]


def test_several_sets_are_ranked(folders, tmp_path, capsys):
    sets = [str(folders / name) for name in ("stuck", "gen", "thief", "org")]
    assert main([*sets, "--out", str(tmp_path / "r"), "--jobs", "1"]) == 0
    record = json.loads((tmp_path / "r" / "report.json").read_text(encoding="utf-8"))
    assert record["ranking"][0] == "gen"
    assert record["ranking"][-1] == "stuck"
    assert set(record["comparisons"]) == {"stuck", "gen", "thief"}
    # without a name, the keys are those of the first set given
    assert record["collapse"] == record["comparisons"]["stuck"]["collapse"]
    page = (tmp_path / "r" / "index.html").read_text(encoding="utf-8")
    assert "<h2>Ranking</h2>" in page
    printed = capsys.readouterr().out
    assert "thief (30 pieces) against org" in printed
    assert "1 file skipped, " in printed


@pytest.mark.parametrize(
    ("name", "options", "code", "complaint"),
    [
        ("gen", ["--fail-under", "0.85", "--fail-on", "collapse,copying"], 0, ""),
        ("stuck", ["--fail-under", "0.85"], 1, "under 0.85"),
        ("stuck", ["--fail-on", "collapse"], 1, "collapsed: "),
        ("stuck", ["--fail-on", "copying"], 0, ""),
        ("thief", ["--fail-on", "collapse,copying"], 1, "copying: "),
    ],
)
def test_thresholds_for_continuous_integration(folders, tmp_path, capsys, name, options, code, complaint):
    arguments = [str(folders / name), str(folders / "org"), "--out", str(tmp_path / "r"), "--no-html", *options]
    assert main(arguments) == code
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "r" / "index.html").exists()
    assert (tmp_path / "r" / "report.json").exists()


def test_copies_are_looked_for_where_train_says(folders, tmp_path):
    options = ["--train", str(folders / "thief"), "--out", str(tmp_path / "r"), "--no-html"]
    main([str(folders / "gen"), str(folders / "org"), *options])
    record = json.loads((tmp_path / "r" / "report.json").read_text(encoding="utf-8"))
    assert record["sets"]["thief"]["role"] == "training"
    assert all(pair["source"].startswith("thief/") for pair in record["copying"]["pairs"])


def test_mgeval_conventions(folders, tmp_path):
    options = ["--mgeval", "--out", str(tmp_path / "r")]
    assert main([str(folders / "gen"), str(folders / "org"), *options]) == 0
    record = json.loads((tmp_path / "r" / "report.json").read_text(encoding="utf-8"))
    assert list(record["features"]) == list(evaluation.FEATURES)[:12]
    assert set(record["features"]["pitch_range"]["mgeval"]) == {"overlap_gen", "overlap_org", "kld_gen", "kld_org"}
    assert len(record["features"]["bar_used_pitch"]["gen"]["mean"]) == 8


def test_tiny_sets_are_not_comparable_and_no_error(tmp_path, capsys):
    write_midi(tmp_path / "a" / "1.mid", [(0.0, 1.0, 60)])
    write_midi(tmp_path / "b" / "1.mid", [(0.0, 1.0, 62), (1.0, 1.0, 64)])
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "r"), "--fail-under", "0.1"]
    assert main(arguments) == 1  # what is not known is not good enough
    assert "not comparable" in capsys.readouterr().out


def test_drums_are_compared_as_they_are(groove, tmp_path):
    out = tmp_path / "r"
    sets = [str(groove / "drummer5"), str(groove / "drummer9")]
    assert main([*sets, "--out", str(out), "--no-html"]) == 0
    record = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert record["sets"]["drummer5"]["drums_only"] == record["sets"]["drummer5"]["pieces"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{gen}"], "one folder given"),
        (["{gen}", "{gen}/nowhere"], "no such folder"),
        (["{gen}", "{empty}"], "no .mid or .midi files"),
        (["{gen}", "{org}", "--out", "{foreign}"], "holds files that are not a report"),
        (["{gen}", "{org}", "--out", "{foreign}/diary.txt"], "not a folder"),
        (["{gen}", "{org}", "--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler answers"),
    ],
)
def test_mistakes_get_one_line_and_write_nothing(folders, tmp_path, capsys, arguments, words):
    places = {"gen": folders / "gen", "org": folders / "org", "empty": tmp_path / "empty", "foreign": tmp_path / "mine"}
    places["empty"].mkdir()
    places["foreign"].mkdir()
    (places["foreign"] / "diary.txt").write_text("dear diary")
    filled = [argument.format(**places) for argument in arguments]
    if "--out" not in filled:
        filled += ["--out", str(tmp_path / "r")]
    before = sorted(tmp_path.rglob("*"))
    assert main(filled) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "option", [["--fail-under", "2"], ["--fail-on", "boredom"], ["--jobs", "0"], ["--seed", "-1"], ["--nonsense"]]
)
def test_wrong_options_get_one_line(capsys, option):
    with pytest.raises(SystemExit) as stop:
        main(["a", "b", *option])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_force_moves_aside_and_deletes_nothing(folders, tmp_path, capsys):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "diary.txt").write_text("dear diary")
    (tmp_path / "mine.1").mkdir()
    arguments = [str(folders / "gen"), str(folders / "org"), "--out", str(out), "--no-html"]
    assert main([*arguments, "--force"]) == 0
    assert (tmp_path / "mine.2" / "diary.txt").read_text() == "dear diary"
    assert "mine.2" in capsys.readouterr().out
    # a report of our own is written again without force
    assert main(arguments) == 0


def test_folders_are_called_by_what_tells_them_apart():
    assert labels([Path("/x/gen"), Path("/x/org")]) == ["gen", "org"]
    assert labels([Path("/x/gen"), Path("/y/gen")]) == ["x/gen", "y/gen"]
    assert labels([Path("/x/gen"), Path("/x/gen")]) == ["x/gen", "x/gen (2)"]


@pytest.mark.parametrize("command", ["evaluation.report", "evaluation.features.table"])
def test_help_shows_an_example_and_loads_little(command):
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", command, "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert f"example:\n  python -m {command} gen/" in run.stdout
    loaded = set(re.findall(r"\| +(\S+)$", run.stderr, re.MULTILINE))
    assert not {"scipy", "pandas", "symusic", "joblib", "jinja2", "tensorflow", "sklearn", "matplotlib"} & loaded


def test_importing_the_package_loads_nothing():
    code = "import sys, evaluation; print([m for m in sys.modules if m in ('numpy', 'scipy', 'symusic', 'tensorflow')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"
    assert set(evaluation.__all__) == set(dir(evaluation))
    assert all(getattr(evaluation, name) is not None for name in evaluation.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = evaluation.nonsense


def test_the_same_from_python_as_data_frames(folders):
    gen, org = (evaluation.read_set(folders / name, jobs=1) for name in ("gen", "org"))
    found = evaluation.compare_sets(gen, org)
    frame = evaluation.comparison_frame(found)
    assert list(frame.index) == list(evaluation.FEATURES)
    assert frame.loc["pitch_range", "overlap"] == found.features["pitch_range"].overlap.value
    table = evaluation.feature_frame(gen)
    assert table.shape[0] == 30
    assert table["total_used_note"].tolist() == [len(piece) for piece in gen.pieces]
