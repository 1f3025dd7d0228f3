"""The same work on a Dask cluster gives the same record."""

from __future__ import annotations

import json

import pytest
from midifiles import write_pieces

from evaluation.report import main

distributed = pytest.importorskip("distributed")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what a cluster's event loop leaves behind is no business of this test
def test_a_cluster_of_two_workers_writes_the_same_record(held_and_org, tmp_path):
    held, org = held_and_org
    gen, real = write_pieces(tmp_path / "gen", held[:60]), write_pieces(tmp_path / "org", org[:60])
    records = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        for options in (["--jobs", "2"], ["--scheduler", cluster.scheduler_address]):
            out = tmp_path / f"report{len(records)}"
            assert main([str(gen), str(real), "--out", str(out), "--no-html", *options]) == 0
            record = json.loads((out / "report.json").read_text(encoding="utf-8"))
            del record["command"]
            records.append(record)
    assert records[0] == records[1]
