import keras
import numpy as np
import pytest

from fontgan.models.typeface import BEARING_WEIGHT, EDGE_WEIGHT, TypefaceModel, build_drawer, build_spacer
from manymodes.nn.randomness import RandomBatches

FACES, CHARACTERS, SIZE = 5, 3, 16


@pytest.fixture(scope="module")
def examples():
    """Return bars: the face sets their width, the character their place."""
    faces, characters = (part.ravel().astype(np.int32) for part in np.indices((FACES, CHARACTERS)))
    fields = np.full((len(faces), SIZE, SIZE), -127, np.int8)
    for field, face, character in zip(fields, faces, characters, strict=True):
        field[3 * character + 2 : 3 * character + 4, 2 : 6 + 2 * face] = 127
    return faces, characters, fields, np.stack([faces * 10.0, characters * 5.0], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def trained(examples):
    """Train for a second or two."""
    keras.utils.set_random_seed(0)
    shape = {"style_dim": 4, "characters": CHARACTERS}
    drawer = build_drawer(size=SIZE, channels=(8, 8, 8), **shape)
    model = TypefaceModel(drawer=drawer, spacer=build_spacer(**shape), faces=FACES, seed=0)
    model.styles.assign(np.random.default_rng(0).normal(size=(FACES, 4)))
    model.compile(keras.optimizers.Adam(1e-2))
    first, last = model.fit(RandomBatches((examples,), 15, 30, seed=0), epochs=2, verbose=0).history["loss"]
    assert last < 0.7 * first
    return model


def test_a_model_comes_back(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(trained.draw(trained.styles.numpy()), again.draw(again.styles.numpy()), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_the_style_of_some_characters_draws_them_better_than_any_face(trained, examples):
    faces, characters, fields, bearings = examples
    seen = (faces == 3) & (characters < 2)
    shifted = np.roll(fields[seen], 1, axis=2)  # a face that is not in the training set
    found = trained.style_of(characters[seen], shifted, bearings[seen], steps=40)

    def misfit(style):
        field, edge, bearing = trained.errors(np.stack([style] * 2), characters[seen], shifted, bearings[seen])
        return float(np.mean(field + EDGE_WEIGHT * edge + BEARING_WEIGHT * bearing))

    assert misfit(found) < min(map(misfit, trained.styles.numpy()))


def test_new_styles_lie_between_those_of_faces(trained):
    made = trained.new_styles(20, seed=1)
    known = trained.styles.numpy()
    assert (made >= known.min(axis=0) - 1e-5).all()
    assert (made <= known.max(axis=0) + 1e-5).all()
    assert (made == trained.new_styles(20, seed=1)).all()
    assert len(np.unique(made.round(4), axis=0)) == 20
