"""The GAN of tunes on the grid: what it emits, composes and composes anew; its networks."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scores import walking_tunes
from smallgrid import CELLS
from smallmodels import LOWEST, PITCHES, small_gan

from manymodes.files import save_keras
from melodygan.composing import load
from melodygan.data.encoding import Note, Tune, length_of, pitches_in, to_steps
from melodygan.data.form import METERS, NoTunesError, ends_on_the_tonic
from melodygan.data.grid import KINDS
from melodygan.models.chain import spelled
from melodygan.models.networks import CarriedIntervals, FormFeatures, PlanFeatures, RowSimilarity
from melodygan.trainer import grid_examples

pytestmark = pytest.mark.usefixtures("few_cells")

FORMS = [("4/4", "C major", 0), ("3/4", "C major", 4), ("4/4", "A minor", 0), ("6/8", "C major", 2)]
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def bars_of(meter, upbeat, order, seed):
    """Compose bars of eighths and quarters from the scale, and put them in an order."""
    rng = np.random.default_rng(seed)
    bars = []
    for _ in set(order):
        steps = rng.permutation([2] * 2 + [4] * ((METERS[meter] - 4) // 4))
        bars.append([Note(int(rng.choice(SCALE)), int(length)) for length in steps])
    line = [Note(67, upbeat)] * (upbeat > 0) + [note for letter in order for note in bars["AB".index(letter)]]
    return tuple(line)


TUNES = [
    Tune(bars_of(meter, upbeat, "AABA"[: 64 // METERS[meter] - (upbeat > 0)], number), "", "", key, meter, upbeat)
    for number, (meter, key, upbeat) in enumerate(FORMS)
]


@pytest.fixture(scope="module")
def gan(few_cells):
    return small_gan(TUNES)


@pytest.fixture(scope="module")
def batch(few_cells):
    return tuple(map(tf.constant, grid_examples(TUNES, LOWEST, PITCHES)))


def emitted(gan, batch, seed=0):
    conditions = gan.conditions(batch)
    latents = tf.random.stateless_normal([len(TUNES), gan.latent_dim], [seed, 1])
    with tf.GradientTape() as tape:
        outputs = gan.generator(tf.concat([latents, conditions], axis=-1))
        cells = gan.emit(outputs, conditions, tf.constant([seed, 2], tf.int64))
        value = tf.reduce_sum(cells * tf.random.stateless_normal(tf.shape(cells), [3, 4]))
    return cells.numpy(), tape.gradient(value, gan.generator.trainable_variables)


def test_what_is_emitted_is_one_hot_and_returns_by_the_plan(gan, batch):
    cells, _ = emitted(gan, batch)
    assert cells.shape == (len(TUNES), CELLS, PITCHES + 3)
    symbols = cells.argmax(axis=-1)
    np.testing.assert_allclose(cells, np.eye(PITCHES + 3)[symbols], atol=1e-5)
    inside, source, rhythm = (part.numpy() for part in spelled(gan.conditions(batch)).layout)
    np.testing.assert_array_equal(symbols == PITCHES + 2, inside == 0)
    np.testing.assert_array_equal(symbols, np.take_along_axis(symbols, source, axis=1))
    kinds = np.where(symbols < PITCHES, 0, symbols)
    np.testing.assert_array_equal(kinds, np.take_along_axis(kinds, rhythm, axis=1))
    np.testing.assert_array_equal(emitted(gan, batch)[0], cells)
    assert (emitted(gan, batch, seed=1)[0].argmax(axis=-1) != symbols).any()


def test_the_gradient_of_what_is_emitted_reaches_all_of_the_generator(gan, batch):
    _, gradients = emitted(gan, batch)
    for variable, gradient in zip(gan.generator.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all()
    reached = [bool(np.abs(gradient).max() > 0) for gradient in gradients]
    assert sum(reached) > 0.8 * len(reached)  # a few units may be dead
    head = gan.generator.get_layer("logits")
    (kernel,) = [g for v, g in zip(gan.generator.trainable_variables, gradients, strict=True) if v is head.kernel]
    assert (np.abs(kernel).max(axis=0) > 0).sum() > 0.8 * (KINDS + PITCHES + 1)


def test_an_update_changes_the_networks_and_not_the_chains(eager, batch):
    model = small_gan(TUNES, heads=2, noise=0.1, l2=0.01)  # test_train trains the recurrent critic
    adam = keras.optimizers.Adam
    model.compile(adam(1e-3), adam(1e-3), objective="relativistic")
    chains = [chain.weight.numpy() for chain in (model.kind_chain, model.pitch_chain)]
    before = [model.generator.get_weights(), model.discriminator.get_weights()]
    logs = model.train_step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    for network, old in zip((model.generator, model.discriminator), before, strict=True):
        changed = [(one != other).any() for one, other in zip(network.get_weights(), old, strict=True)]
        assert sum(changed) > len(changed) / 2
    for chain, weights in zip((model.kind_chain, model.pitch_chain), chains, strict=True):
        np.testing.assert_array_equal(chain.weight, weights)


def test_the_chains_learn_before_the_game(monkeypatch, batch):
    model = small_gan(TUNES, decided=0.0)
    tunes = walking_tunes(8, 0)
    symbols, conditions = grid_examples([replace(tune, notes=tune.notes[:16]) for tune in tunes], LOWEST, PITCHES)
    monkeypatch.setitem(type(model.kind_chain).learn.__kwdefaults__, "steps", 60)
    monkeypatch.setitem(type(model.kind_chain).learn.__kwdefaults__, "batch", 64)
    model.learn_chains(symbols, conditions, seed=0)
    model.generator.get_layer("logits").kernel.assign(tf.zeros_like(model.generator.get_layer("logits").kernel))
    steps = np.concatenate([np.abs(np.diff(pitches_in(notes))) for notes in model.generate(12, seed=0)])
    assert np.mean(steps <= 4) > 0.7  # the walks go by steps of the scale; all pitches alike: 0.5


# --- composing ---------------------------------------------------------------------------------------------


def test_saved_and_loaded_it_composes_the_same(tmp_path):
    gan = small_gan(TUNES, discriminator_units=4)
    plain = gan.compose(3, seed=1, ending="free")
    gan.chooser.logits.kernel.assign(keras.random.normal(gan.chooser.logits.kernel.shape, 0, 99, seed=1))
    expected = gan.compose(3, seed=1, ending="free")
    assert expected != plain
    save_keras(gan, tmp_path / "model.keras")
    alone = gan.generating()
    assert alone.discriminator is None
    save_keras(alone, tmp_path / "alone.keras")
    for name in ("model", "alone"):
        assert load(tmp_path / f"{name}.keras").compose(3, seed=1, ending="free") == expected


@pytest.mark.parametrize(("meter", "bars"), [("4/4", 2), ("3/4", 3), ("6/8", None), (None, 2)])
def test_tunes_have_the_form_that_was_asked_for(gan, meter, bars):
    for tune in gan.compose(5, seed=0, meter=meter, bars=bars, temperature=2.0):
        pitches = pitches_in(tune.notes)
        assert len(pitches) >= 8
        assert len(set(pitches)) >= 4
        assert meter in {None, tune.meter}
        assert 0 <= tune.pickup_steps < METERS[tune.meter]
        if bars:
            assert length_of(tune.notes) == bars * METERS[tune.meter]
        assert tune.key in {"C major", "A minor"}


@pytest.fixture(scope="module")
def biased(few_cells):
    """Return a function: a GAN whose tunes follow from what it prefers to hold, rest and begin, and its love of C."""
    model = small_gan(TUNES, decided=0.0)
    head = model.averaged_generator.get_layer("logits")

    def prefer(kinds, tonic=0.0):
        pitches = tonic * np.isin(np.arange(PITCHES), [0, 12])
        head.set_weights([np.zeros_like(head.kernel), np.array([*kinds, *pitches, 0.0])])
        return model

    return prefer


def closing(tunes):
    return np.mean([ends_on_the_tonic(tune.notes, tune.key.split()[1]) for tune in tunes])


def test_endings(biased):
    model = biased([1, -3, 0], tonic=1)  # not on the tonic, but by the choice among candidates
    tonic, free = (
        [tune for seed in range(36) for tune in model.compose(1, seed=seed, mode="major", ending=ending)]
        for ending in ("tonic", "free")
    )
    assert closing(tonic) > closing(free) + 0.3


def test_notes_that_sound_over_the_edge_of_bars_end_and_begin_there(gan):
    line = (*[Note(60, 4), Note(62, 4)] * 2, Note(64, 8), Note(65, 16), *[Note(67, 4)] * 6)
    for tune in gan.recompose(Tune(line, meter="4/4"), 2, 2, 4, seed=0, ending="free"):
        steps = to_steps(tune.notes)
        assert steps[:16] == to_steps(line)[:16]
        assert steps[16] != "_"
        assert steps[32] == "65"
        assert steps[33:] == to_steps(line)[33:]


@pytest.mark.parametrize("kinds", [[0, 1e3, 0], [1e3, 0, 1]], ids=["silence", "one long note"])
def test_less_than_a_tune_is_never_returned(biased, kinds):
    model = biased(kinds)
    with pytest.raises(NoTunesError, match="only 0 of 2 tunes are whole"):
        model.compose(2, seed=0)
    assert model.left_out > 0


LONG = Tune((Note(60, CELLS), Note(62, 4)), meter="4/4")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda gan: gan.compose(1, seed=0, meter="2/4"), "never heard a tune in 2/4"),
        (lambda gan: gan.compose(1, seed=0, bars=99), f"at most {CELLS} sixteenths: ask for fewer bars"),
        (lambda gan: gan.compose(1, seed=0, like=LONG), f"longer than {CELLS} sixteenths"),
        (lambda gan: gan.recompose(LONG, 1, 1, seed=0), f"longer than {CELLS} sixteenths"),
        (lambda gan: gan.recompose(TUNES[0], 5, 6, seed=0), "the tune has no bars 5 to 6: it has 4"),
        (lambda gan: gan.recompose(TUNES[0], 3, 2, seed=0), "the tune has no bars 3 to 2"),
        (lambda gan: gan.recompose(Tune((Note(20, 4),)), 1, 1, seed=0), "higher or lower than what this model knows"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(gan, ask, message):
    with pytest.raises(ValueError, match=message) as caught:
        ask(gan)
    assert "\n" not in str(caught.value)


# --- networks ----------------------------------------------------------------------------------------------


def test_features_of_a_plan_by_hand(batch):
    features = PlanFeatures()(batch[1]).numpy()
    forms = FormFeatures()(batch[1]).numpy()
    assert features.shape == (len(TUNES), CELLS, 25)
    assert forms.sum(axis=1).tolist() == [2.0] * len(TUNES)
    assert forms.argmax(axis=1).tolist() == [2, 1, 2, 3]
    place, phrase, (inside, left, near, new, _) = np.split(features[0, 37], [16, 20])
    assert (place.argmax(), phrase.argmax()) == (37 % 16, 37 // 16 % 4)
    assert (inside, left, new) == (1, (CELLS - 37) / 64, 1)
    assert near == pytest.approx(np.exp(-8 * left))
    assert features[0, 20, -2] == 0  # the second bar returns
    assert not features[1, 2].any()  # before the upbeat


def cells_of(symbols, width):
    return tf.one_hot([symbols + [width - 1] * (CELLS - len(symbols))], width)


def test_intervals_are_carried_over_holds_and_rests():
    pitches, widest = 8, 3
    hold, rest = pitches, pitches + 1
    intervals = CarriedIntervals(widest)(cells_of([3, hold, 5, rest, rest, 2, hold, 7], pitches + 3)).numpy()[0]
    before, after = np.split(intervals, 2, axis=-1)
    assert intervals.shape == (CELLS, 2 * (2 * widest + 1))
    # the note's pitch less that of its neighbour, from −3
    expected = {0: (None, -2), 2: (2, 3), 5: (-3, None), 7: (None, None)}  # five semitones are too wide
    for place, (leading, following) in expected.items():
        for row, interval in ((before[place], leading), (after[place], following)):
            assert np.flatnonzero(row).tolist() == ([] if interval is None else [interval + widest])
    assert not intervals[[1, 3, 4, 6, *range(8, CELLS)]].any()


def test_the_gradient_of_intervals_is_that_of_the_note_itself():
    cells = cells_of([3, 5, 4], 11)
    with tf.GradientTape() as tape:
        tape.watch(cells)
        value = tf.reduce_sum(CarriedIntervals(2)(cells)[0, 1])
    gradient = tape.gradient(value, cells).numpy()[0]
    assert np.flatnonzero(gradient.any(axis=-1)).tolist() == [1]


def test_similarity_of_rows_by_hand(batch):
    conditions = tf.gather(batch[1], [0, 1])  # rows of four beats, and of three
    beats = np.zeros((2, CELLS // 4, 2), np.float32)
    beats[0, [0, 4, 9]] = [[3, 0], [6, 0], [0, 1]]  # the first beat of two rows, the second of the third one
    beats[1, [0, 3, 6]] = [[1, 1], [1, -1], [-1, -1]]
    similar = RowSimilarity()(tf.constant(beats), conditions).numpy()
    assert similar.shape == (2, RowSimilarity.ROWS, RowSimilarity.ROWS)
    np.testing.assert_allclose(similar[0, :3, :3], [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-2)
    np.testing.assert_allclose(similar[1, :3, :3], [[1, 0, -1], [0, 1, 0], [-1, 0, 1]], atol=1e-2)
