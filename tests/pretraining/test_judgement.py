import json

import keras
import pytest
from scores import random_tunes, write_abc

from manymodes.cli import UserError
from manymodes.files import save_keras, write_text
from melodygan.config import MelodyConfig
from melodygan.data.corpus import load_corpus
from melodygan.data.encoding import StepVocabulary
from melodygan.data.grid import to_grid, to_rows
from melodygan.models.lstm import MelodyLSTM
from pretraining import judging

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = [pytest.mark.usefixtures("eager"), pytest.mark.filterwarnings("ignore:Even though the:UserWarning")]


@pytest.fixture
def run(cache, tmp_path, monkeypatch):
    """Leave a run of a small LSTM that has learned nothing yet; its data are forty tunes."""
    monkeypatch.setattr(judging, "TUNES", 12)
    tunes, corpus, path = random_tunes(40), tmp_path / "forty tunes.abc", tmp_path / "run"
    write_abc(corpus, tunes)
    config = MelodyConfig(lstm=True, corpus=str(corpus), seed=2).check()
    facts = {"program": config.program, "monitor": config.monitor, "fingerprint": load_corpus(corpus).fingerprint}
    write_text(path / "config.json", json.dumps({**config.to_json(), **facts}))
    keras.utils.set_random_seed(2)
    model = MelodyLSTM(StepVocabulary.from_tunes(tunes), units=4, plans=to_rows(to_grid(tune).plan for tune in tunes))
    model.build()
    save_keras(model, path / "model.keras")
    return path


def test_an_lstm_is_judged_by_held_out_tunes_once(run, capsys):
    result = judging.judgement(run)
    assert result["measures"]["tunes"] == 12
    assert 0 <= result["measures"]["overlap"] <= 1
    assert result["measures"]["collapsed"] in {True, False}
    assert set(result["verdict"]) >= {"closeness"}
    capsys.readouterr()
    assert json.loads((run / "judging.json").read_text(encoding="utf-8"))["measures"] == result["measures"]
    assert judging.judgement(run) == result
    assert capsys.readouterr().out == ""


def test_a_run_of_other_data_is_not_judged(run):
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    write_text(run / "config.json", json.dumps({**config, "fingerprint": "00"}))
    with pytest.raises(UserError, match=f"the data of {run} have changed since it was trained: train it again"):
        judging.judgement(run)
    assert not (run / "judging.json").exists()
