import dataclasses
import functools
import itertools
import json
import re

import keras
import numpy as np
import pytest
from breaking import Clock, breaking_off, press_ctrl_c
from smallaudio import small_prior
from smallsounds import TINY, small_side, small_sounds

import audiovae.data.sounds
from audiovae import compare, comparison_judging, comparison_page, comparison_training
from audiovae import trainer as variants
from audiovae.comparison import CEILING, CHANGES, LOSSES, ROWS, Terms
from audiovae.comparison_judging import CONTROLS, Made, decibels, diversity, judge, nearest, pack, shown, unpack
from audiovae.comparison_text import particulars, tables
from audiovae.comparison_training import made_after_training, new_sounds
from audiovae.data.chunks import CHUNK
from audiovae.metrics.spectra import FLOOR_DB, from_log_mel, log_mel
from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioVAE, AudioVQVAE, HierarchicalAudioVAE
from audiovae.output import PRIOR, load_model, prior_of
from audiovae.prior import MEASURES, add_measures
from audiovae.train import INPUTS, MELS, MODELS, QUANTIZERS
from manymodes.experiment import budget
from manymodes.experiment.cells import differ
from manymodes.experiment.compare import Record, Row, machine
from manymodes.experiment.rows import DivergedError
from manymodes.experiment.tables import Cell
from manymodes.files import save_keras

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

BY_NAME = {row.name: row for row in ROWS}
UNTRAINED = [row for row in ROWS if row.arguments is None]
TRAINED = [row for row in ROWS if row.arguments is not None]
FEW = ("--updates-per-epoch=2", "--batch-size=4")
SMALL_ROWS = (
    BY_NAME[CEILING],
    Row("small-vae", "small VAE", ("--model=vae", *FEW)),
    Row("small", "small VQ-VAE", ("--model=vqvae", "--codes=16", *FEW)),
    BY_NAME["replay"],
    BY_NAME["components-raw"],
)
SMALL = {row.name: row for row in SMALL_ROWS}
PICTURES = {"rebuilt.png", "new.png", "instruments.png", "recognised.png"}


class Ears:
    """Tell what hums from what hisses by how often it changes its sign."""

    hit_real = 1.0

    def recognise(self, chunks):
        return (np.diff(np.signbit(chunks), axis=1).mean(axis=1) > 0.2).astype(np.int64)

    def hit(self, chunks, instruments):
        return float((self.recognise(chunks) == instruments).mean())


def terms(work, minutes=0.1, count=2, data="corpus", fingerprint="f", chunks=None):
    return Terms(data, fingerprint, minutes, count, work, chunks)


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """Recognise without a network, and look for phases not for long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison_judging, "recogniser_of", lambda _: Ears())
        patch.setattr(comparison_judging, "from_log_mel", functools.partial(from_log_mel, iterations=8))
        yield


@pytest.fixture
def few_weights(eager, monkeypatch):
    """Train tiny networks update by update."""
    for name, kind in {
        "AudioVAE": AudioVAE,
        "HierarchicalAudioVAE": HierarchicalAudioVAE,
        "AudioVQVAE": AudioVQVAE,
    }.items():
        monkeypatch.setattr(variants, name, functools.partial(kind, **TINY))
    for name, size in {"units": 8, "embedding": 4}.items():
        monkeypatch.setitem(CodePrior.__init__.__kwdefaults__, name, size)


@pytest.fixture
def measured_at_once(monkeypatch):
    """Say of every model what is said of a good one: what is kept and what is made again does not depend on it."""

    def found(model, *_, **__):
        return dict(OF_CODES if isinstance(model, AudioVQVAE) else OF_LATENTS)

    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 1)
    monkeypatch.setattr(comparison_training, "measure", found)
    monkeypatch.setattr(comparison_training, "train_prior", lambda *_, **__: dict(OF_PRIOR))
    monkeypatch.setattr(
        comparison_training,
        "new_sounds",
        lambda _, asked, *__: small_side(2, 9).chunks[np.resize(range(4), len(asked))],
    )


@pytest.fixture
def judged_at_once(measured_at_once, monkeypatch):
    """Say the same of every row, and draw nothing."""
    nothing = np.zeros((1, CHUNK), np.float32)
    measured = {"measures": {**OF_LATENTS, **NEW}, "verdict": {}, "figures": {"rebuilt": "", "new": "", "epochs": []}}
    for name in CONTROLS:
        monkeypatch.setitem(CONTROLS, name, lambda *_: Made(nothing, nothing, np.zeros(1, int), {}))
    monkeypatch.setattr(comparison_judging, "judge", lambda *_: measured)
    for name in ("_save_spectra", "_save_instruments", "_save_recognised", "_save_course"):
        monkeypatch.setattr(comparison_page, name, lambda *args: args[-1].write_bytes(b""))


@pytest.fixture
def run(at_prompt, tmp_path, few_weights, monkeypatch):
    """Run the verb with rows that train in no time; return what was printed."""

    def load(source, *, seed, chunks):
        return small_sounds(train=(chunks or 10) - 6, others=2, seed=seed)

    monkeypatch.setattr(compare, "ROWS", SMALL_ROWS)
    monkeypatch.setattr(audiovae.data.sounds, "load_sounds", load)

    def run_verb(*arguments, code=0):
        places = ("--out", tmp_path / "results", "--work", tmp_path / "work")
        found, text, errors = at_prompt(compare.main, *places, "--count", 2, "--minutes", 0.0001, *arguments)
        assert (found, errors) == (code, ""), errors
        return text

    return run_verb


def dates(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


# --- the rows


def test_every_row_is_another_one():
    assert len({row.name for row in ROWS}) == len({row.title for row in ROWS}) == len(ROWS)
    assert {row.name for row in UNTRAINED} == set(CONTROLS) == set(comparison_judging._EXPLAINED)


def settings_of(row, tmp_path):
    return terms(tmp_path).training_settings(row, 3)


def test_neighbours_differ_in_one_thing_and_every_question_has_its_neighbours(tmp_path):
    answered = []
    for pair in itertools.pairwise(TRAINED):
        first, second = (settings_of(row, tmp_path) for row in pair)
        changed = [name for name in first if differ(first[name], second[name])]
        assert len(changed) == 1, pair
        answered += changed
    assert set(answered) == set(CHANGES)


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_a_row_is_what_its_title_says(row, tmp_path):
    settings = terms(tmp_path, data="some/sounds", chunks=30).settings(row, 3)
    kind, features = row.title.split(", ")
    assert {"VAE": "vae", "HVAE": "hvae", "VQ-VAE": "vqvae", "FSQ": "vqvae"}[kind] == settings["model"]
    assert settings["quantizer"] == {"VQ-VAE": "vq", "FSQ": "fsq"}.get(kind)
    assert features == f"{settings['input']} {settings['mels'] or ''}".strip()
    assert (settings["seed"], settings["verb"], settings["chunks"]) == (3, "audiovae.compare", 30)
    assert settings["sounds"].endswith("/some/sounds")


def test_every_kind_of_model_has_a_row(tmp_path):
    found = [settings_of(row, tmp_path) for row in TRAINED]
    for name, known in {"model": MODELS, "input": INPUTS, "mels": MELS, "quantizer": QUANTIZERS}.items():
        assert {settings[name] for settings in found} - {None} == set(known)


def test_where_sounds_lie_does_not_matter_but_which_they_are(tmp_path):
    row = BY_NAME["vqvae-raw"]
    made = terms(tmp_path).made_with(row, 0)
    assert terms(tmp_path, data="elsewhere", chunks=200).made_with(row, 0) == made
    changed = [
        terms(tmp_path, fingerprint="another").made_with(row, 0),
        terms(tmp_path, minutes=5).made_with(row, 0),
        terms(tmp_path, count=21).made_with(row, 0),
        terms(tmp_path).made_with(row, 1),
        terms(tmp_path).made_with(BY_NAME["fsq-raw"], 0),
    ]
    assert made not in changed
    assert {*CHANGES, "commitment", "beta", "batch_size"} <= made["settings"].keys()


# --- what needs no training


@pytest.fixture(scope="module")
def controls():
    """Judge what needs no training; return the measures by row."""
    some = small_sounds()
    return {name: judge(BY_NAME[name], make(some, 2, 0), some)["measures"] for name, make in CONTROLS.items()}


def test_real_sounds_are_as_near_as_can_be(controls):
    real = controls[CEILING]
    assert {name: real[name] for name in ("mse", "cosine", "spectral_convergence", "mel_distance", "si_sdr")} == (
        {"mse": 0, "cosine": pytest.approx(1), "spectral_convergence": 0, "mel_distance": 0, "si_sdr": 60}
    )
    assert real["instrument_hit"] == real["instrument_hit_reconstructed"] == real["instrument_hit_real"] == 1


def test_floors_and_ceilings_stand_in_their_order(controls):
    by_mels = [controls[name]["mel_distance"] for name in ("griffin-lim-128", "components-mel128", "mean-mel128")]
    assert 0 < by_mels[0] < by_mels[1] < by_mels[2]
    for name in ("replay", "components-raw", "mean-mel128"):
        for ceiling in ("griffin-lim-128", "griffin-lim-256"):
            assert controls[name]["spectral_convergence"] > controls[ceiling]["spectral_convergence"], name


def test_the_ceiling_of_spectrograms_is_what_griffin_lim_makes_of_true_ones(controls):
    for name in ("components-mel128", "mean-mel128"):
        ceiling = controls[name]["griffin_lim"]
        assert ceiling == {key: controls["griffin-lim-128"][key] for key in ceiling}


def test_only_all_measures_together_tell_real_sounds_from_others(controls):
    real, replay, mean = (controls[name] for name in (CEILING, "replay", "mean-mel128"))
    for found in (real, replay, mean):
        assert found["instrument_hit"] == 1
    assert replay["nearest_training"] == pytest.approx(0, abs=1e-4)
    assert mean["diversity"] == pytest.approx(0, abs=1e-4)
    assert real["nearest_training"] > 1
    assert real["diversity"] > 1


def test_a_replay_gives_back_training_chunks_of_the_same_instrument():
    some = small_sounds()
    made = CONTROLS["replay"](some, 2, 0)
    known = {
        chunk.tobytes(): instrument for chunk, instrument in zip(some.train.chunks, some.train.instruments, strict=True)
    }
    assert [known[chunk.tobytes()] for chunk in made.rebuilt] == some.test.instruments.tolist()
    assert [known[chunk.tobytes()] for chunk in made.new] == made.asked.tolist() == [0, 0, 1, 1]
    # a training chunk is its own nearest
    same = dataclasses.replace(some, test=some.train)
    np.testing.assert_array_equal(CONTROLS["replay"](same, 1, 0).rebuilt, some.train.chunks)


def test_components_give_back_what_they_have_learned_and_count_their_numbers():
    some = small_sounds(train=4, others=2)
    made = CONTROLS["components-raw"](dataclasses.replace(some, test=some.train), 2, 0)
    np.testing.assert_allclose(made.rebuilt, some.train.chunks, atol=1e-4)
    assert made.measures["parameters"] == (8 + 1) * CHUNK
    other = CONTROLS["components-raw"](some, 2, 1).new
    assert not np.array_equal(made.new, other)
    np.testing.assert_array_equal(made.new, CONTROLS["components-raw"](some, 2, 0).new)


def test_what_has_no_chunks_to_learn_from_is_not_asked_for():
    some = small_sounds(train=4, others=2)
    hums = dataclasses.replace(some, train=type(some.train)(*(part[:4] for part in some.train)))
    made = CONTROLS["replay"](hums, 2, 0)
    assert made.asked.tolist() == [0, 0]
    # but tested it is: any training chunk may come back
    assert {chunk.tobytes() for chunk in made.rebuilt} <= {chunk.tobytes() for chunk in hums.train.chunks}


# --- what is measured


def test_distances_are_in_decibels_however_loud_chunks_are():
    chunks = small_sounds().test.chunks[[0, 4]]
    rows = decibels(chunks)
    apart = (log_mel(chunks[0]) - log_mel(chunks[1])) * -FLOOR_DB / 2
    assert np.linalg.norm(rows[0] - rows[1]) == pytest.approx(np.sqrt(np.mean(apart**2)), rel=1e-3)
    np.testing.assert_allclose(decibels(chunks / 4), rows, atol=1e-4)


def test_the_nearest_is_found():
    others = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 9.0]], np.float32)
    assert nearest(np.array([[1.4, 0.0], [1.6, 0.0], [0.0, 5.0]], np.float32), others).tolist() == [0, 1, 2]


def test_diversity_is_within_instruments():
    rows = np.array([[0.0], [2.0], [50.0], [54.0]])
    assert diversity(rows, np.array([0, 0, 1, 1])) == 3
    # one sound of an instrument has no distance from others
    assert diversity(rows[:3], np.array([0, 0, 1])) == 2
    assert np.isnan(diversity(rows[:1], np.array([0])))


def test_spectrograms_are_kept_as_they_are():
    chunks = small_sounds().test.chunks[:3]
    found = np.split(unpack(pack(chunks)), 3, axis=1)
    expected = (log_mel(chunks) - 1) * -FLOOR_DB / 2
    np.testing.assert_allclose([spectrum.T for spectrum in found], expected, atol=0.6 * -FLOOR_DB / 255)


def test_instruments_are_shown_from_the_first_to_the_last():
    some = small_sounds()
    assert shown(some).tolist() == [0, 1]
    side = some.test._replace(instruments=np.arange(9), chunks=some.test.chunks[np.resize(range(6), 9)])
    assert shown(dataclasses.replace(some, test=side)).tolist() == [0, 2, 4, 6, 8]


def test_what_is_kept_of_a_row():
    some = small_sounds(train=4, others=2)
    history = [{"seconds": 2.0, "val_reconstruction_loss": 3.0, "loss": 1.0, "val_perplexity_nonsilent": 7.0}]
    test = some.test
    made = Made(test.chunks, test.chunks[:2], np.zeros(2, int), {**OF_CODES, **OF_PRIOR}, {}, history)
    found = judge(BY_NAME["vqvae-mel128"], made, some)
    assert found["figures"]["epochs"] == [
        {"seconds": 2.0, "val_reconstruction_loss": 3.0, "val_perplexity_nonsilent": 7.0}
    ]
    silent = np.zeros((1, CHUNK), np.float32)
    assert found["figures"]["rebuilt"] == pack(test.chunks[[0, 2]])
    assert found["figures"]["new"] == pack(np.concatenate([test.chunks[:1], silent]))
    assert found["verdict"]["row"] == ""
    assert found["verdict"]["between"] == (
        "98 % of 256 codes are in use, with a perplexity of 120 where there is sound; a code costs its prior 4 bits, "
        "whoever counts pairs 5, single codes 7"
    )
    assert found["verdict"]["rebuilt"] == (
        "spectral convergence is 0.2, and 90 % of what comes back is recognised (of real sounds 100 %)"
    )


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (
            {"kl_top_nats": 12.0, "kl_bottom_nats": 20.0},
            "80 % of 128 latents are active, and they hold 32 nats, 12 of them at the top",
        ),
        ({}, "80 % of 128 latents are active, and they hold 32 nats"),
    ],
)
def test_what_is_said_of_latents(levels, said):
    assert comparison_judging._between_sentence({**OF_LATENTS, **levels}) == said


# --- training


def test_codes_are_trained_for_their_time_and_have_a_prior(few_weights, little_measured, tmp_path, monkeypatch):
    def train_prior(run, model, sounds, *, epochs, seed):
        save_keras(small_prior(model, seed), run / PRIOR)
        add_measures(run / MEASURES, OF_PRIOR)
        return {**OF_PRIOR, "epochs": epochs}

    monkeypatch.setattr(comparison_training, "train_prior", train_prior)
    some = small_sounds(train=4, others=2)
    made = made_after_training(SMALL["small"], 0, terms(tmp_path), some, clock=Clock())
    # one more update than seconds, as the first is not timed: of the fourth epoch there is one of two
    assert (made.facts["updates"], made.facts["seconds"], made.facts["epochs"]) == (7, 6.0, 4)
    assert made.facts["examples_per_second"] == 4
    assert made.facts["losses"].keys() == set(LOSSES) - {f"kl_{level}_nats" for level in ("all", "top", "bottom")}
    least = min(range(4), key=lambda epoch: made.history[epoch]["val_loss"])
    assert made.facts["judged_epoch"] == least + 1
    # a quarter of six seconds, at a second an update, of which an epoch of the prior has one
    assert made.facts["prior_epochs"] == made.measures["epochs"] == 2

    # the folder has what `audiovae.generate` needs, and plays the same
    folder = tmp_path / "small-seed-0"
    kept = load_model(folder / "model.keras")
    prior_of(kept, folder / "model.keras")
    np.testing.assert_array_equal(made.asked, [0, 0, 1, 1])
    np.testing.assert_array_equal(made.new, new_sounds(kept, made.asked, folder, 0))
    np.testing.assert_array_equal(made.rebuilt, kept.reconstruct(some.test.chunks))
    written = json.loads((folder / MEASURES).read_text(encoding="utf-8"))
    assert {**written, "epochs": 2} == made.measures
    assert (written["prior_bits"], written["train_seconds"]) == (4, 6)


def test_latents_are_trained_and_know_where_instruments_lie(few_weights, little_measured, tmp_path):
    some = small_sounds(train=4, others=2)
    made = made_after_training(SMALL["small-vae"], 0, terms(tmp_path), some, clock=Clock())
    assert "prior_epochs" not in made.facts
    assert "kl_all_nats" in made.facts["losses"]
    kept = keras.models.load_model(tmp_path / "small-vae-seed-0" / "model.keras")
    assert getattr(kept, "optimizer", None) is None
    means = kept.instrument_means.numpy()
    assert (means[0] != means[1]).all()
    np.testing.assert_array_equal(made.new, new_sounds(kept, made.asked, tmp_path, 0))
    # the first of more are the same, but for how sums are rounded that are done for as many at a time
    np.testing.assert_allclose(made.new[2:], new_sounds(kept, np.array([1, 1, 1]), tmp_path, 0)[:2], atol=1e-6)
    assert made.measures["instrument_hit"] is not None


def test_a_model_whose_weights_are_no_numbers_has_diverged(tmp_path, monkeypatch):
    model = AudioVAE(["hum", "hiss"], latent_dim=2, **TINY)
    model.set_weights([weights * np.nan for weights in model.get_weights()])
    monkeypatch.setattr(comparison_training, "train_for", lambda *_, **__: budget.Trained(model, {}, []))
    with pytest.raises(DivergedError):
        made_after_training(SMALL["small-vae"], 0, terms(tmp_path), small_sounds(train=4, others=2))


# --- the tables


DISTANCES = {"mse": 0.001, "cosine": 0.9, "spectral_convergence": 0.2, "mel_distance": 5.0, "si_sdr": 8.0}
REBUILT = {
    **DISTANCES,
    "instruments": {"hum": {"spectral_convergence": 0.1}, "hiss": {"spectral_convergence": 0.3}},
    "instrument_hit_reconstructed": 0.9,
}
OF_MODEL = {**REBUILT, "parameters": 1_234_567, "rtf_encode": 80.0, "rtf_decode": 40.0, "griffin_lim": None}
OF_CODES = {
    **OF_MODEL,
    "codes": 256,
    "bits_per_second": 1376.0,
    "codebook_use": 0.98,
    "perplexity": 100.0,
    "perplexity_nonsilent": 120.0,
}
OF_PRIOR = {"prior_bits": 4.0, "bigram_bits": 5.0, "unigram_bits": 7.0}
OF_LATENTS = {
    **OF_MODEL,
    "latents": 128,
    "active_units": 0.8,
    "kl_nats": 32.0,
    "kl_top_nats": None,
    "kl_bottom_nats": None,
}
NEW = {
    "instrument_hit": 0.7,
    "instrument_hit_real": 0.95,
    "diversity": 16.0,
    "diversity_real": 17.5,
    "nearest_training": 10.0,
    "nearest_training_real": 9.5,
}
CEILINGS = {"mse": 0.02, "cosine": 0.1, "spectral_convergence": 0.15, "mel_distance": 2.0, "si_sdr": -25.0}


def record(row, seed=0, **measures):
    """Make up a record; measures that are not given are those of a good model."""
    made_with = {"program": "audiovae.compare", "row": row.name, "seed": seed, "fingerprint": f"{seed}123456789abcdef"}
    measured, training = {**REBUILT, **NEW}, {}
    if row.arguments is not None:
        settings = terms(None).training_settings(row, seed)
        made_with["settings"] = settings
        measured |= {**OF_CODES, **OF_PRIOR} if settings["model"] == "vqvae" else OF_LATENTS
        measured["griffin_lim"] = CEILINGS if settings["input"] == "mel" else None
        training = {
            "losses": {name: float(number) for number, name in enumerate(LOSSES, start=1)},
            "updates": 100 + seed,
            "seconds": 240.0,
            "examples_per_second": 32.0,
            "epochs": 3,
            "planned_epochs": 3,
            "judged_epoch": 2,
            **({"prior_epochs": 6} if settings["model"] == "vqvae" else {}),
        }
    return Record(made_with, training, {**measured, **measures}, {}, {}, "a machine", {"python": "3"}, "2026-01-01")


def table_of(found):
    """Return the cells of each table by its title and the row's."""
    return {table.title: {row[0].text: row[1:] for row in table.rows} for table in tables(found)}


def texts(cells):
    return [cell.text for cell in cells]


def test_the_tables_of_one_seed():
    rows = [BY_NAME[name] for name in (CEILING, "vqvae-raw", "hvae-mel128")]
    found = table_of(
        {row: [record(row)] for row in rows[:2]} | {rows[2]: [record(rows[2], kl_top_nats=12.0, kl_bottom_nats=20.0)]}
    )
    rebuilt = found["What comes back of test chunks"]
    equal = ["0.2", "0", "5", "0", "8", "60", "0.9", "1", "0.001", "0", "90.0 %", "95.0 %"]
    assert texts(rebuilt["real sounds (ceiling)"]) == texts(rebuilt["VQ-VAE, raw"]) == equal
    assert texts(rebuilt["HVAE, mel 128"]) == [
        *("0.2", "0.15", "5", "2", "8", "-25", "0.9", "0.1", "0.001", "0.02", "90.0 %", "95.0 %"),
    ]
    assert {name: texts(cells) for name, cells in found["What codes hold"].items()} == {
        "VQ-VAE, raw": ["256", "1376", "98.0 %", "100", "120", "256", "4", "5", "7", "8"]
    }
    assert {name: texts(cells) for name, cells in found["What latents hold"].items()} == {
        "HVAE, mel 128": ["128", "80.0 %", "32", "12", "20"]
    }
    assert texts(found["What they play of their own"]["VQ-VAE, raw"]) == ["70.0 %", "95.0 %", "16", "17.5", "10", "9.5"]
    assert {name: texts(cells) for name, cells in found["What they cost"].items()} == {
        "VQ-VAE, raw": ["1,234,567", "80", "40"],
        "HVAE, mel 128": ["1,234,567", "80", "40"],
    }
    training = found["How they were trained"]
    assert texts(training["VQ-VAE, raw"]) == ["1", "2", "3", "4", "5", "6", "7", "100", "32", "240", "3", "2", "6"]
    assert texts(training["HVAE, mel 128"])[-1] == "–"
    assert not any(cell.bad for table in found.values() for cells in table.values() for cell in cells)


def test_what_has_collapsed_or_is_noise_is_marked():
    codes, latents = BY_NAME["vqvae-raw"], BY_NAME["hvae-raw"]
    found = {
        latents: [record(latents, spectral_convergence=1.0, active_units=0.4, kl_top_nats=0.5, instrument_hit=0.3)],
        codes: [
            record(
                codes, instrument_hit_reconstructed=0.4, codebook_use=0.1, prior_bits=5.0, diversity=2.0, rtf_decode=0.5
            )
        ],
    }
    marked = [
        (title, row, cell.text)
        for title, rows in table_of(found).items()
        for row, cells in rows.items()
        for cell in cells
        if cell.bad
    ]
    assert marked == [
        ("What comes back of test chunks", "HVAE, raw", "1"),
        ("What comes back of test chunks", "VQ-VAE, raw", "40.0 %"),
        ("What codes hold", "VQ-VAE, raw", "10.0 %"),
        ("What codes hold", "VQ-VAE, raw", "5"),
        ("What latents hold", "HVAE, raw", "40.0 %"),
        ("What latents hold", "HVAE, raw", "0.5"),
        ("What they play of their own", "HVAE, raw", "30.0 %"),
        ("What they play of their own", "VQ-VAE, raw", "2"),
        ("What they cost", "VQ-VAE, raw", "0.5"),
    ]


def test_the_tables_of_three_seeds():
    row = BY_NAME["fsq-mel128"]
    kept = [record(row, seed, spectral_convergence=found) for seed, found in enumerate((0.2, 0.3, 0.7))]
    found = table_of({row: kept})
    assert found["What comes back of test chunks"]["FSQ, mel 128"][:2] == [Cell("0.4", "0.2 to 0.7"), Cell("0.15")]
    assert found["How they were trained"]["FSQ, mel 128"][7] == Cell("101", "100 to 102")


def test_changes_are_between_neighbours_that_differ_in_one_thing_seed_by_seed():
    vq, fsq, mel = (BY_NAME[name] for name in ("vqvae-raw", "fsq-raw", "vqvae-mel128"))
    found = {
        BY_NAME[CEILING]: [record(BY_NAME[CEILING])],
        vq: [record(vq, seed, spectral_convergence=0.25, instrument_hit=0.5) for seed in (0, 1, 2)],
        # the first seed diverged
        fsq: [record(fsq, seed, spectral_convergence=0.25 + seed, instrument_hit=0.6) for seed in (1, 2)],
    }
    changes = table_of(found)["What each change does"]
    assert changes.keys() == {"VQ-VAE, raw → FSQ, raw"}
    assert changes["VQ-VAE, raw → FSQ, raw"][0] == Cell("+1.5", "+1 to +2")
    assert changes["VQ-VAE, raw → FSQ, raw"][4] == Cell("+10.0")
    # another grid and another input
    assert "What each change does" not in table_of({fsq: found[fsq], mel: [record(mel)]})


def test_every_row_has_a_cell_for_every_column():
    found = {row: [record(row)] for row in ROWS}
    for table in tables(found):
        assert {len(row) for row in table.rows} == {len(table.headers)}
    by_title = table_of(found)
    assert list(by_title["What they play of their own"]) == [row.title for row in ROWS]
    assert list(by_title["How they were trained"]) == [row.title for row in TRAINED]
    assert len(by_title["What each change does"]) == len(TRAINED) - 1


def test_particulars_name_the_sounds_of_every_seed_but_not_where_they_lie(tmp_path):
    row = BY_NAME["vae-raw"]
    found = {row: [record(row, seed) for seed in range(2)]}
    some = dataclasses.replace(small_sounds(), source="/home/somebody/recordings")
    about = particulars(found, terms(tmp_path, 4.0, 20), "python -m audiovae.compare", some)
    assert about["Sounds"] == (
        "recordings, 2 instruments, 24 seconds to learn from and 6 to measure with, "
        "fingerprint 0123456789ab, 1123456789ab"
    )
    assert about["Time"] == (
        "4 minutes of updates a model, 25 % more for the prior of codes; 20 new sounds of each instrument"
    )


# --- what is written


def test_the_page_and_the_text_name_every_row_and_need_nothing_beside_them(measured_at_once, run, tmp_path):
    said = run()
    results = tmp_path / "results"
    text = (results / "audio.md").read_text(encoding="utf-8")
    page = (results / "audio" / "index.html").read_text(encoding="utf-8")
    for row in SMALL_ROWS:
        assert row.title in page
        assert f"| {row.title} |" in text
        assert f"{row.name}, seed 0:" in said
    assert "| small VAE → small VQ-VAE |" in text
    assert '<table class="sounds">' in page
    assert "http" not in page
    assert not re.findall(r"<(?:link|script|iframe|object)\b|url\(|@import", page)
    assert re.findall(r'<img src="([^,]*)', page) == ["data:image/png;base64"] * 5
    pictures = re.findall(r"!\[.*\]\((.*)\)", text)
    assert {picture.removeprefix("audio/") for picture in pictures} == PICTURES | {"course.png"}
    for picture in pictures:
        assert (results / picture).read_bytes().startswith(b"\x89PNG")
    for said_of_it in ("python -m audiovae.compare", "--minutes", machine(), "tensorflow"):
        assert said_of_it in text
        assert said_of_it in page
    assert not list(results.rglob(".partial*"))
    assert not list((tmp_path / "work").rglob("checkpoints"))

    # drawn again from what was kept, all is the same
    before = {name: (results / "audio" / name).read_bytes() for name in PICTURES}
    run()
    assert {name: (results / "audio" / name).read_bytes() for name in before} == before


def test_without_training_there_are_no_pictures_of_it(run, tmp_path):
    run("--rows", CEILING)
    assert {path.name for path in (tmp_path / "results" / "audio").glob("*.png")} == PICTURES


def test_finished_rows_are_not_made_again_and_changed_ones_are(judged_at_once, run, tmp_path):
    rows = ("--rows", "replay,small-vae")
    run(*rows)
    made = dates(tmp_path / "work")
    assert made.keys() == {f"{name}-seed-0.json" for name in (CEILING, "replay", "small-vae")}

    run(*rows)
    assert dates(tmp_path / "work") == made

    run(*rows, "--minutes", "0.0002")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"small-vae-seed-0.json"}

    run("--rows", "replay", "--chunks", "11")
    others = dates(tmp_path / "work")
    assert {name for name in again if others[name] != again[name]} == {f"{CEILING}-seed-0.json", "replay-seed-0.json"}


def test_every_seed_has_sounds_of_its_own(judged_at_once, run, tmp_path):
    run("--rows", "replay", "--seeds", "2")
    made = dates(tmp_path / "work")
    (tmp_path / "work" / "replay-seed-1.json").unlink()
    run("--rows", "replay", "--seeds", "2")
    again = dates(tmp_path / "work")
    assert {name for name in made if again[name] != made[name]} == {"replay-seed-1.json"}
    text = (tmp_path / "results" / "audio.md").read_text(encoding="utf-8")
    for seed in (0, 1):
        assert small_sounds(train=4, others=2, seed=seed).fingerprint[:12] in text


def test_ctrl_c_ends_the_verb_and_the_same_command_goes_on(judged_at_once, run, monkeypatch, tmp_path):
    with breaking_off(0, press_ctrl_c):
        said = run("--rows", "small-vae,replay", code=130)
    assert "the same command continues" in said
    made = dates(tmp_path / "work")
    assert made.keys() == {f"{CEILING}-seed-0.json"}
    assert not (tmp_path / "results").exists()

    run("--rows", "small-vae,replay")
    again = dates(tmp_path / "work")
    assert again.keys() == {f"{name}-seed-0.json" for name in (CEILING, "small-vae", "replay")}
    assert again[f"{CEILING}-seed-0.json"] == made[f"{CEILING}-seed-0.json"]
    assert not (tmp_path / "work" / "small-vae-seed-0.1").exists()


def test_ctrl_c_while_the_prior_learns_does_not_train_the_model_again(judged_at_once, run, monkeypatch, tmp_path):
    def press_ctrl_c(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as pressed:
        pressed.setattr(comparison_training, "train_prior", press_ctrl_c)
        run("--rows", "small", code=130)
    history = (tmp_path / "work" / "small-seed-0" / "history.csv").read_bytes()
    run("--rows", "small")
    assert (tmp_path / "work" / "small-seed-0" / "history.csv").read_bytes() == history
    assert not (tmp_path / "work" / "small-seed-0.1").exists()


def test_a_row_that_diverges_is_left_out(judged_at_once, run, monkeypatch, tmp_path):
    def diverge(*_, **__):
        raise DivergedError

    monkeypatch.setattr(comparison_training, "made_after_training", diverge)
    said = run("--rows", "small,replay")
    assert "small, seed 0: left out of the tables, for its training diverged" in said
    text = (tmp_path / "results" / "audio.md").read_text(encoding="utf-8")
    assert "| nearest training chunk |" in text
    assert "| small VQ-VAE |" not in text


# --- what a person can get wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rows", "vqvae-rwa"), "did you mean vqvae-raw"),
        (("--rows", "transformer"), "rows are real, griffin-lim-256,"),
        (("--minutes", "0"), "--minutes"),
        (("--seeds", "0"), "--seeds"),
        (("--count", "1"), "at least 2"),
        (("--chunks", "9"), "10 or more"),
        (("--sounds", "no/such/folder"), "no/such/folder"),
        (("--work", "results/audio"), "is replaced whole"),
        (("vqvae-raw",), "vqvae-raw"),
    ],
)
def test_errors_of_an_audio_comparison_are_one_line(at_prompt, tmp_path, contents, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, text, errors = at_prompt(compare.main, *arguments)
    assert (code, text, errors.count("\n")) == (2, "", 1)
    assert said in errors
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "path", ["results/audio/letter.txt", "results/audio.md", "runs/compare-audio/vqvae-raw-seed-0.json"]
)
def test_what_is_somebody_elses_is_not_touched_by_an_audio_comparison(at_prompt, tmp_path, contents, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("dear", encoding="utf-8")
    code, _, errors = at_prompt(compare.main)
    assert (code, errors.count("\n")) == (2, 1)
    assert contents(tmp_path) == {path: b"dear"}
