import json

import keras
import pytest
from scores import random_tunes

from manymodes.cli import UserError
from manymodes.files import save_keras, write_text
from melodygan.config import MelodyConfig
from melodygan.data.corpus import load_corpus
from melodygan.data.encoding import StepVocabulary
from melodygan.data.plan import plan_of
from melodygan.models.lstm import MelodyLSTM
from pretraining import judging


@pytest.fixture
def run(tune_file, environment, tmp_path, monkeypatch):
    """Leave a run of a small LSTM that has learned nothing yet; its data are the forty tunes."""
    monkeypatch.setenv("MANYMODES_CACHE", environment["MANYMODES_CACHE"])
    monkeypatch.setattr(judging, "TUNES", 12)
    config = MelodyConfig(lstm=True, corpus=str(tune_file), seed=2).check()
    facts = {"program": config.program, "monitor": config.monitor}
    facts["fingerprint"] = load_corpus(tune_file).fingerprint
    write_text(tmp_path / "run" / "config.json", json.dumps({**config.to_json(), **facts}))
    keras.utils.set_random_seed(2)
    tunes = random_tunes(40)
    model = MelodyLSTM(StepVocabulary.from_tunes(tunes), units=4, plans=[plan_of(tune) for tune in tunes])
    model.build()
    save_keras(model, tmp_path / "run" / "model.keras")
    return tmp_path / "run"


def test_an_lstm_is_judged_by_held_out_tunes_once(run, tune_file, capsys):
    found = judging.judgement(run)
    assert found["measures"]["tunes"] == 12
    assert 0 <= found["measures"]["overlap"] <= 1
    assert found["measures"]["collapsed"] in {True, False}
    assert set(found["verdict"]) >= {"closeness"}
    assert json.loads((run / "judging.json").read_text(encoding="utf-8"))["measures"] == found["measures"]
    assert judging.judgement(run) == found
    assert capsys.readouterr().out == ""


def test_a_run_of_other_data_is_not_judged(run):
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    write_text(run / "config.json", json.dumps({**config, "fingerprint": "00"}))
    with pytest.raises(UserError, match=f"the data of {run} have changed since it was trained: train anew"):
        judging.judgement(run)
    assert not (run / "judging.json").exists()
