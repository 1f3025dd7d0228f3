"""The model of `stubcompare`: one number, which moves by the mean of each batch."""

import keras
import numpy as np

from manymodes.experiment.fit import Training
from manymodes.nn.randomness import RandomBatches

BATCHES_AN_EPOCH = 3
EXAMPLES = np.random.default_rng(7).normal(size=(40, 2)).astype(np.float32)


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.Model):
    """The smallest model that is different after each update."""

    def __init__(self, step=1.0, **kwargs):
        super().__init__(**kwargs)
        self.step = step
        self.place = self.add_weight(name="place", shape=(), initializer="zeros")
        self.built = True

    def build(self, input_shape=None):
        self.built = True

    def get_config(self):
        return {**super().get_config(), "step": self.step}

    def train_step(self, data):
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.place.assign_add(self.step * keras.ops.mean(batch))
        return {"place": self.place + 0}


class Preparing:
    """Prepare as a package does; note what was asked for, and after which epochs was measured."""

    def __init__(self, distances=None):
        self.asked = []
        self.measured = []
        self.distances = distances

    def __call__(self, config, data, done, checkpoint):
        self.asked.append((config.epochs, done, checkpoint))
        model = (
            keras.models.load_model(checkpoint / "model.keras") if checkpoint else Counting(config.step, name="stub")
        )
        model.compile("sgd", run_eagerly=True)
        batches = RandomBatches(data, config.batch_size, BATCHES_AN_EPOCH, seed=config.seed, first_epoch=done)

        def measure(epoch, last):
            self.measured.append((epoch, last))
            return {"distance": self.distances[epoch - 1] if self.distances else float(epoch)}

        return Training(model, batches, measure)
