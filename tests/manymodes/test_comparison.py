import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import stubmodel
from stubcompare import COMPARISON, DYING, FAILING

from manymodes.experiment.compare import main
from manymodes.experiment.records import machine

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = [pytest.mark.usefixtures("eager"), pytest.mark.filterwarnings("ignore:Even though the:UserWarning")]


@pytest.fixture
def compare(at_prompt, tmp_path):
    """Run the comparison in this process; return what was printed, or the error."""

    def run(*arguments, code=0, out="results"):
        places = ("--out", tmp_path / out, "--work", tmp_path / "work", "--jobs", 1, "--epochs", 2)
        exit_code, text, errors = at_prompt(lambda argv: main(COMPARISON, argv), *places, *arguments)
        assert exit_code == code, errors
        return errors or text

    with mock.patch.dict(os.environ):  # the comparison sets the numbers of threads
        yield run


def records(tmp_path):
    return {path.name.rsplit("-", 1)[0]: json.loads(path.read_text()) for path in (tmp_path / "work").glob("*.json")}


def dates(tmp_path):
    return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.json")}


def test_all_rows_become_tables_and_a_page(compare, tmp_path):
    assert "small, seed 1: it is at" in compare("--seeds", 2)
    kept = records(tmp_path)
    assert kept.keys() == {f"{row.name}-seed-{seed}" for row in COMPARISON.rows if row.times == 1 for seed in (0, 1)}
    text = (tmp_path / "results" / "stub.md").read_text(encoding="utf-8")
    places = sorted(kept[f"great-seed-{seed}"]["measures"]["place"] for seed in (0, 1))
    assert f"| great steps | {sum(places) / 2:.2f} ({places[0]:.2f} to {places[1]:.2f}) |" in text
    assert "- Numbers: few numbers, fingerprint few 0, few 1\n- Seeds: 0 to 1" in text
    assert "- Time: 2 epochs a model; 20 numbers drawn by each" in text
    assert "![Where they are](stub/places.png)" in text
    page = (tmp_path / "results" / "stub" / "index.html").read_text(encoding="utf-8")
    assert kept["small-seed-0"]["verdict"]["place"][1:] + "." in page
    assert machine() in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_record_says_what_decides_the_results(compare, tmp_path):
    compare("--rows", "small,long")
    record, longer = (records(tmp_path)[f"{name}-seed-0"] for name in ("small", "long"))
    assert record["made_with"]["settings"] == {"step": 0.5, "batch_size": 8, "seed": 0, "updates_per_epoch": None}
    assert record["made_with"] | {"settings": None, "version": None} == {
        "program": "stubcompare", "version": None, "row": "small", "seed": 0, "count": 20, "fingerprint": "few 0",
        "epochs": 2, "settings": None,
    }  # fmt: skip
    assert record["training"]["updates"] == 2 * stubmodel.BATCHES_AN_EPOCH
    assert record["measures"]["unknown"] is None
    runs = [path for path in (tmp_path / "work").iterdir() if path.is_dir()]
    assert [(run / "model.keras").exists() for run in runs] == [True, True]
    assert not (runs[0] / "checkpoints").exists()
    assert longer["training"]["updates"] == 3 * record["training"]["updates"]
    assert longer["made_with"]["epochs"] == 3 * record["made_with"]["epochs"]


def test_finished_rows_are_kept_and_others_made(compare, tmp_path):
    compare("--rows", "small")
    before = dates(tmp_path)
    assert "small, seed 0: finished before" in compare("--rows", "small,noise", "--force")
    after = dates(tmp_path)
    assert before.items() < after.items()
    assert len(after) == 3
    # other terms make other records, and the finished ones stay
    compare("--rows", "small", "--count", 30, "--force")
    assert after.items() < dates(tmp_path).items()
    assert len(dates(tmp_path)) == 5


def test_a_record_that_cannot_be_read_is_made_again(compare, tmp_path):
    compare("--rows", "noise")
    (file,) = (tmp_path / "work").glob("noise*.json")
    whole = json.loads(file.read_text())
    for damage in ("{", '{"made_with": 1}'):
        file.write_text(damage)
        compare("--rows", "noise", "--force")
        assert json.loads(file.read_text()) == whole


def test_a_stopped_comparison_goes_on(compare, tmp_path, monkeypatch):
    monkeypatch.setenv(FAILING, "noise")
    assert "the same command continues" in compare(code=130)
    before = dates(tmp_path)
    assert {name.rsplit("-", 3)[0] for name in before} == {"real", "small", "great"}
    assert not (tmp_path / "results").exists()
    monkeypatch.delenv(FAILING)
    compare()
    assert before.items() < dates(tmp_path).items()


def test_a_row_without_results_is_left_out(compare, tmp_path, monkeypatch):
    monkeypatch.setenv(FAILING, "small")
    assert "small, seed 0: left out of the tables: its training diverged" in compare()
    text = (tmp_path / "results" / "stub.md").read_text(encoding="utf-8")
    assert "great steps" in text
    assert "small steps" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "grate"], "unknown row 'grate'; did you mean great"),
        (["--rows", "transformer"], "choose from real, small, great, long, noise"),
        (["--count", "1"], "--count 1 is too few: give at least 2"),
        (["--minutes", "0"], "--minutes"),
        (["--jobs", "0"], "--jobs"),
        (["--numbers", "none"], "--numbers none"),
        pytest.param(["--scheduler", "nowhere"], "--scheduler nowhere", marks=pytest.mark.slow),
        (["--out", "{there}", "--work", "{there}/stub/work"], "--work"),
        (["--out", "{file}"], "file"),
        (["--work", "{file}"], "file"),
    ],
)
def test_refusals_name_the_option(compare, tmp_path, arguments, message):
    (tmp_path / "file").write_text("mine")
    names = {"there": tmp_path / "there", "file": tmp_path / "file"}
    assert message in compare(*(argument.format(**names) for argument in arguments), code=2)
    assert not records(tmp_path)
    assert not (tmp_path / "results").exists()
    assert (tmp_path / "file").read_text() == "mine"


def test_results_that_exist_are_never_lost(compare, tmp_path):
    compare("--rows", "noise")
    before = (tmp_path / "results" / "stub" / "index.html").read_bytes()
    assert "stub.md exists: choose another" in compare("--rows", "noise,small", code=2)
    assert "small-seed-0" not in records(tmp_path)
    compare("--rows", "noise,small", "--force")
    assert (tmp_path / "results" / "stub-1" / "index.html").read_bytes() == before
    assert "small steps" in (tmp_path / "results" / "stub.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_rows_of_several_processes_and_of_a_cluster_are_the_same(compare, tmp_path):
    here = Path(__file__).parent
    program = (
        "import sys; from manymodes import cli; from manymodes.experiment.compare import main;"
        "from stubcompare import COMPARISON; cli.run(lambda argv: main(COMPARISON, sys.argv[1:]))"
    )
    options = ["--work", str(tmp_path / "work"), "--epochs", "2", "--jobs", "2", "--rows", "small,great"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    subprocess.run([sys.executable, "-c", program, *options], env=environment, cwd=tmp_path, check=True)
    several = records(tmp_path)
    assert len({record["measures"].pop("process") for record in several.values()}) > 1
    (tmp_path / "work").rename(tmp_path / "several")

    distributed = pytest.importorskip("distributed")
    marker = tmp_path / "dead"
    workers = {"n_workers": 2, "threads_per_worker": 1, "env": {**environment, DYING: str(marker)}}
    with distributed.LocalCluster(**workers, dashboard_address=":0") as cluster:
        compare("--rows", "small,great", "--scheduler", cluster.scheduler_address, out="clustered")
    assert marker.exists()  # the process of a worker was killed in the middle
    clustered = records(tmp_path)
    (tmp_path / "work").rename(tmp_path / "by cluster")

    compare("--rows", "small,great", out="alone")
    for other in (clustered, records(tmp_path)):
        assert other.keys() == several.keys()
        for name, record in other.items():
            record["measures"].pop("process")
            for part in ("made_with", "measures", "verdict", "figures"):
                assert record[part] == several[name][part], name
