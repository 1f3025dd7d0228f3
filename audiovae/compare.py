"""Which autoencoder of sounds is best in equal time: ``python -m audiovae.compare --minutes 4``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiovae.config import AudioConfig
from manymodes import cli
from manymodes.experiment import compare
from manymodes.experiment.compare import Comparison, Data, Job, Result, Row

if TYPE_CHECKING:
    from manymodes.experiment.budget import Trained


def _row(name: str, title: str, **settings: Any) -> Row:
    # short epochs, for curves: some models make a few hundred updates
    return Row(name, title, AudioConfig(updates_per_epoch=100, **settings))


class AudioComparison(Comparison):
    """Autoencoders of sounds beside real sounds; each differs from the model before it in one setting."""

    program, stem = "audiovae.compare", "audio"
    title = "Sound models in equal time"
    description = "Train every model of sounds equally long, and compare its reconstructions and new sounds."
    example = (
        "  python -m audiovae.compare\n"
        "  python -m audiovae.compare --minutes 2 --seeds 3 --rows vqvae-raw,fsq-raw,replay --sounds ~/recordings"
    )
    rows = (
        Row("real", "real sounds (ceiling)"),
        Row("griffin-lim-256", "Griffin-Lim of true mel 256"),
        Row("griffin-lim-128", "Griffin-Lim of true mel 128"),
        _row("vae-raw", "VAE, raw", model="vae"),
        _row("hvae-raw", "HVAE, raw", model="hvae"),
        _row("vqvae-raw", "VQ-VAE, raw"),
        _row("fsq-raw", "FSQ, raw", quantizer="fsq"),
        _row("fsq-mel128", "FSQ, mel 128", quantizer="fsq", input="mel", mels=128),
        _row("vqvae-mel128", "VQ-VAE, mel 128", input="mel", mels=128),
        _row("vqvae-mel256", "VQ-VAE, mel 256", input="mel", mels=256),
        _row("vae-mel256", "VAE, mel 256", model="vae", input="mel", mels=256),
        _row("vae-mel128", "VAE, mel 128", model="vae", input="mel", mels=128),
        _row("hvae-mel128", "HVAE, mel 128", model="hvae", input="mel", mels=128),
        Row("replay", "nearest training chunk"),
        Row("components-raw", "principal components, raw"),
        Row("components-mel128", "principal components, mel 128"),
        Row("mean-mel128", "mean mel 128 of the instrument"),
    )
    work = "runs/compare-audio"
    data_name, data_settings = "Sounds", ("sounds", "chunks")
    count, least_count = 20, 2
    count_help = "new sounds of each instrument for a row"
    counted = "a quarter more for the prior over codes; {} new sounds of each instrument"

    def load(self, config: Any) -> Data:
        """Play or read the sounds of a seed."""
        from audiovae.data.sounds import load_sounds

        sounds = load_sounds(config.sounds, seed=config.seed, chunks=config.chunks)
        names = f"{len(sounds.names)} {'instrument' if len(sounds.names) == 1 else 'instruments'}"
        splits = f"{len(sounds.train.chunks):,} seconds for training and {len(sounds.test.chunks):,} for tests"
        return Data(sounds, sounds.fingerprint, sounds.table(), f"{Path(sounds.source).name}, {names}, {splits}")

    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Measure a trained model, its prior and new sounds; its run becomes one of `audiovae.train`."""
        from audiovae.trainer import assess

        return assess(job, trained)

    def baseline(self, job: Job) -> Result:
        """Measure real sounds, Griffin-Lim, copies, principal components or means."""
        with cli.quiet_start():
            from audiovae.metrics import assessment, baselines

        made = baselines.BASELINES[job.row.name](job.data.content, job.args.count, job.seed)
        return Result(*assessment.result_of(made, job.data.content, baselines.EXPLAINED[job.row.name]))


COMPARISON = AudioComparison()
main = functools.partial(compare.main, COMPARISON)


if __name__ == "__main__":
    cli.run(main)
