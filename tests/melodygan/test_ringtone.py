import functools
import random
import re

import numpy as np
import pytest
import soundfile
from test_phrases import END, FIRST, SECOND, notes

from manymodes.music.formats import RATE_HZ
from melodygan import composing, ringtone


class Composer:
    """Compose a handful of tunes that close, the same ones over and over, among others that do not."""

    different = 4

    def generate(self, count, *, seed):
        rng = np.random.default_rng(seed)
        shifts = rng.integers(self.different, size=count)
        tunes = [notes(FIRST[:4], [(67 + int(shift), 16)], FIRST[6:], SECOND, END) for shift in shifts]
        return [tune[:7] if number % 3 else tune for number, tune in enumerate(tunes)]


@pytest.fixture
def composer(monkeypatch):
    composer = Composer()
    monkeypatch.setattr(composing, "load", lambda _: composer)
    monkeypatch.setattr(ringtone, "_AT_ONCE", 4)
    monkeypatch.setattr(ringtone.secrets, "randbelow", random.Random(0).randrange)
    return composer


@pytest.fixture
def ring(composer, completed, tmp_path):
    """Run the command; return its file and the match of its message."""

    def run(*options, out="ringtones"):
        (tmp_path / "model.keras").touch()
        arguments = ("--model", tmp_path / "model.keras", "--out", tmp_path / out, *options)
        message = r"wrote (.*): (\d) bars of (\d/\d), ([\d.]+) s \(--seed (\d+)\)\n"
        match = re.fullmatch(message, completed(ringtone.main, *arguments))
        assert match
        return tmp_path / out / match[1].rpartition("/")[2], match

    return run


@pytest.fixture
def refusal(composer, refused, tmp_path):
    """Run the command, which must fail; return its error."""
    (tmp_path / "model.keras").touch()
    return functools.partial(refused, ringtone.main, "--model", tmp_path / "model.keras")


def test_every_call_gives_another_tune(ring, refusal, composer, monkeypatch, tmp_path):
    monkeypatch.setattr(ringtone, "sound_of", lambda *_: np.zeros(100))
    monkeypatch.setattr(ringtone, "_ROUNDS", 20)
    files = [ring()[0] for _ in range(composer.different)]
    assert len({file.stem for file in files}) == composer.different
    assert sorted((tmp_path / "ringtones").iterdir()) == sorted(files)
    # then there is no other that this model can compose
    assert "composes only tunes that --out already has" in refusal("--out", tmp_path / "ringtones")


def test_the_same_seed_gives_the_same_bytes(ring, refusal, tmp_path):
    file, match = ring("--seed", 7)
    again, _ = ring("--seed", 7, out="elsewhere")
    assert (again.name, again.read_bytes()) == (file.name, file.read_bytes())
    assert match[5] == "7"
    assert "already has the tune of --seed 7" in refusal("--seed", "7", "--out", tmp_path / "ringtones")


def test_a_model_that_never_closes(refusal, composer, monkeypatch):
    monkeypatch.setattr(composer, "generate", lambda count, **_: [notes(FIRST[:7])] * count)
    monkeypatch.setattr(ringtone, "_ROUNDS", 2)
    assert "composes no tune that closes within 8 bars" in refusal()


@pytest.mark.parametrize("kind", ["wav", "ogg"])
def test_it_ends_cleanly(ring, kind):  # a glockenspiel would ring on for a quarter of a minute
    file, match = ring("--format", kind, "--seed", 1, "--instrument", "glockenspiel")
    assert re.fullmatch(rf"ringtone-[0-9a-f]{{8}}\.{kind}", file.name)
    sound, rate = soundfile.read(file)
    assert (rate, sound.ndim) == (RATE_HZ, 1)
    assert len(sound) / rate == pytest.approx(float(match[4]), abs=0.06)
    assert np.abs(sound[:2]).max() < 0.01
    assert np.abs(sound[-rate // 100 :]).max() < 0.002
