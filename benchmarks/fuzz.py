"""Damaged files through every reader: how many are read, how many refused in words, and how many break a reader.

Each file is a whole one, written for this purpose, with some bytes changed, cut out, doubled or exchanged. Readers run
in watched processes of 10 s and 1 GB a file. "Broken" is a crash, a time-out, too much memory, or an exception that is
not a refusal, and should be 0.

    python benchmarks/fuzz.py --share 0.1
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from audiovae.codes import CodedSound, UnreadableCodesError, pack, unpack
from audiovae.data.chunks import CHUNK
from drumvae.data.midi_grooves import UnusableBeatError, parse_beat, write_beat
from drumvae.data.rules import bundled_rules
from evaluation.reading import midi
from fontgan.data.fonts import BUNDLED, bundled_fonts
from fontgan.data.glyphs import UnusableFontError, open_font, read_typeface
from manymodes import cli, hub, watched
from manymodes.files import save_keras
from manymodes.music import audio
from manymodes.music.formats import SUFFIXES, write_score
from manymodes.music.score import Score
from melodygan.data.events import UnreadableError
from melodygan.data.readers import pieces_of, read_piece

if TYPE_CHECKING:
    from collections.abc import Callable

NOTES = [(60, 4), (62, 4), (64, 8), (None, 4), (65, 2), (67, 2), (69, 4), (71, 4), (72, 16)]
KERN = """**kern\t**kern
*M4/4\t*M4/4
*k[f#]\t*k[f#]
=1\t=1
*\t*^
2C\t2cc\t2e
2E\t2dd\t2f
*\t*v\t*v
=2\t=2
1C\t1gg
*-\t*-
"""
CONTAINER = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'


def written(name: str, write: Callable[[Path], object]) -> bytes:
    """Return the content of a file of a name that a function writes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def tune(kind: str) -> bytes:
    """Return a tune as a file of a format."""
    score = Score(NOTES * 3, "Tune", "3/4", 4, 1)
    return written(f"tune{SUFFIXES[kind]}", lambda file: write_score(file.with_suffix(""), score, [kind]))


def beat() -> bytes:
    """Return two bars of drums as a MIDI file."""
    return written("beat.mid", lambda file: write_beat(file, bundled_rules().sample(0, 2, [0])))


def zipped(data: bytes) -> bytes:
    """Return a compressed MusicXML file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("a.xml", data)
    return buffer.getvalue()


def sound(kind: str) -> bytes:
    """Return half a second of sound as a file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.sin(np.arange(11_025) / 16), 22_050, format=kind)
    return buffer.getvalue()


def codes() -> bytes:
    """Return a file of sound codes."""
    rng = np.random.default_rng(0)
    return pack(
        CodedSound(rng.integers(0, 512, (3, 172), np.int32), np.ones(3, np.float32), 60_000, CHUNK - 256, 512, bytes(8))
    )


def font() -> bytes:
    """Return one of matplotlib's fonts."""
    return (bundled_fonts() / BUNDLED[0].file).read_bytes()


def model() -> bytes:
    """Return a small model of Keras."""
    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(2)])
    return written("m.keras", lambda file: save_keras(small, file))


def midi_files() -> list[bytes]:
    """Return a tune and a beat."""
    return [tune("midi"), beat()]


def musicxml_files() -> list[bytes]:
    """Return a tune, plain and compressed."""
    return [tune("musicxml"), zipped(tune("musicxml"))]


class Source(NamedTuple):
    """Files of a kind: how many, their suffix, what returns whole ones, and their reader.

    The reader is given a path; what it returns is a refusal if it is text or False.
    """

    number: int
    suffix: str
    wholes: Callable[[], list[bytes]]
    read: Callable[[Path], Any]


def is_read_as_melodies(path: Path) -> bool:
    """Read melodies; return whether there is any."""
    return any(not read_piece(piece).skipped for piece in pieces_of(path, "file"))


ANY_MODEL = hub.Kind("a model", "a program", {"Sequential": "keras", "None": "keras"})
SOUNDS = ("WAV", "FLAC", "OGG", "MP3")
SOURCES = {
    "MIDI as melodies": Source(3000, ".mid", midi_files, is_read_as_melodies),
    "MIDI as drums": Source(3000, ".mid", midi_files, lambda path: parse_beat(path.read_bytes(), "file")),
    "MIDI for evaluation": Source(3000, ".mid", midi_files, lambda path: midi.read((str(path), "file"))),
    "ABC": Source(500, ".abc", lambda: [tune("abc")], is_read_as_melodies),
    "kern": Source(500, ".krn", lambda: [KERN.encode()], is_read_as_melodies),
    "MusicXML": Source(300, ".xml", musicxml_files, is_read_as_melodies),
    "sounds": Source(500, ".wav", lambda: [*map(sound, SOUNDS)], lambda path: audio.decoded((str(path), 22_050))),
    "codes": Source(1000, ".codes", lambda: [codes()], lambda path: unpack(path.read_bytes())),
    "fonts": Source(300, ".ttf", lambda: [font()], lambda path: read_typeface(open_font(path))),
    "models": Source(100, ".keras", lambda: [model()], lambda path: hub.load_model(path, ANY_MODEL)),
}


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to six faults."""
    data = bytearray(whole)
    for _ in range(rng.integers(1, 7)):
        begin = int(rng.integers(len(data) + 1))
        end = min(len(data), begin + int(rng.integers(1, 40)))
        fault = rng.integers(6)
        if fault == 0 and begin < len(data):
            data[begin] = rng.integers(256)
        elif fault == 1:
            del data[begin:end]
        elif fault == 2:
            data[begin:begin] = data[begin:end] * int(rng.integers(1, 20))
        elif fault == 3:
            data[begin:end] = rng.bytes(end - begin)
        elif fault == 4:
            del data[max(begin, len(data) // 2) :]
        elif fault == 5:
            data[begin:begin] = rng.choice([b"9999999", b"\xff" * 8, b"\0" * 8, b"-1", b"\n\n", b"<", b"[", b"{"])
    return bytes(data)


def attempt(request: tuple[str, bytes]) -> str:
    """Read a damaged file of a source; return "read" or "refused"; called in a watched process."""
    name, data = request
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{SOURCES[name].suffix}"
        path.write_bytes(data)
        try:
            answer = SOURCES[name].read(path)
        except (cli.UserError, UnusableBeatError, UnreadableCodesError, UnusableFontError, UnreadableError):
            return "refused"
    return "refused" if answer is False or isinstance(answer, str) else "read"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Damaged files through every reader.")
    parser.add_argument("--share", type=float, default=1.0, help="of the files (default 1)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print("| files | number | read | refused | broken | seconds |\n|---|---|---|---|---|---|")
    broken_in_all = 0
    for name, source in SOURCES.items():
        rng, wholes = np.random.default_rng([args.seed, *name.encode()]), source.wholes()
        files = [damaged(wholes[n % len(wholes)], rng) for n in range(max(1, round(args.share * source.number)))]
        begin = time.monotonic()
        answers = list(watched.each("benchmarks.fuzz:attempt", [(name, data) for data in files]))
        counts = Counter(answers)
        deaths = [answer for answer in answers if isinstance(answer, watched.Death)]
        broken_in_all += len(deaths)
        seconds = time.monotonic() - begin
        print(f"| {name} | {len(files)} | {counts['read']} | {counts['refused']} | {len(deaths)} | {seconds:.0f} |")
        for reason, times in Counter(deaths).most_common(5):
            print(f"  {times} × {reason}", file=sys.stderr)
    return int(broken_in_all > 0)


if __name__ == "__main__":
    sys.exit(main())
