"""Keep sounds as codes of a VQ-VAE, 1.4 kbit a second: ``python -m audiovae.codec encode my.wav my.codes``.

The file's format is that of `audiovae.codes`. A model decodes what it has encoded itself, and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audiovae.output import add_model_option, check_file, clear_place, levelled, load_model, model_file, quantised
from manymodes import cli
from manymodes.cli import UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy as np

    from audiovae.codes import CodedSound
    from audiovae.models.vae import AudioVQVAE

PROGRAM = "audiovae.codec"
EXAMPLE = "  python -m audiovae.codec encode my.wav my.codes\n  python -m audiovae.codec decode my.codes again.wav"

OVERLAP = 256
"""Samples that chunks have in common, 12 ms: in these one fades into the next. More would cost bits."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    return _encode(args) if args.verb == "encode" else _decode(args)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Turn sounds into few bytes with a VQ-VAE, and back.", EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="encode|decode")
    encode = verbs.add_parser("encode", help="a sound to codes", description="Turn a sound into a file of codes.")
    encode.add_argument("sound", type=Path, metavar="SOUND", help="a WAV, FLAC, OGG or MP3 file of any length")
    encode.add_argument("out", type=Path, metavar="CODES", help="file to write, such as my.codes")
    decode = verbs.add_parser("decode", help="codes to a sound", description="Turn a file of codes into a sound.")
    decode.add_argument("codes", type=Path, metavar="CODES", help="a file that encode has written")
    decode.add_argument("out", type=Path, metavar="SOUND", help="file to write: .wav, .flac, .ogg or .mp3")
    for verb in (encode, decode):
        add_model_option(verb)
        verb.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _encode(args: argparse.Namespace) -> int:
    from audiovae.codes import pack
    from audiovae.data.chunks import RATE_HZ
    from manymodes.files import replacing_file
    from manymodes.music.audio import read_audio

    check_file(args.out, force=args.force)
    sound = read_audio(args.sound)
    file = model_file(args.model)
    content = pack(encode(quantised(load_model(file), file), sound))
    clear_place(args.out)
    with replacing_file(args.out) as partial:
        partial.write_bytes(content)
    seconds = len(sound) / RATE_HZ
    rate = 8 * len(content) / seconds / 1000
    print(f"wrote {args.out}: {seconds:.2f} s in {len(content):,} bytes, {rate:.2f} kbit/s")
    return 0


def _decode(args: argparse.Namespace) -> int:
    from audiovae.codes import read_codes
    from audiovae.data.chunks import RATE_HZ
    from manymodes.music.audio import FORMATS, write_audio

    check_file(args.out, FORMATS, force=args.force)
    coded = read_codes(args.codes)
    file = model_file(args.model)
    model = quantised(load_model(file), file)
    if coded.maker != _maker(model):
        raise UserError(f"{args.codes} was made by another model than {file}: give that one as --model")
    sound = decode(model, coded)
    clear_place(args.out)
    write_audio(args.out, sound)
    print(f"wrote {args.out}: {len(sound) / RATE_HZ:.2f} s")
    return 0


def _maker(model: AudioVQVAE) -> bytes:
    from audiovae.codes import fingerprint

    return fingerprint(model.get_weights())


# --- sounds and codes ---------------------------------------------------------------------------------------


def encode(model: AudioVQVAE, sound: np.ndarray) -> CodedSound:
    """Turn a sound of any length, [samples], into codes."""
    from audiovae.codes import CodedSound
    from audiovae.data.chunks import CHUNK, to_chunks

    hop = CHUNK - OVERLAP
    chunks, gains = levelled(to_chunks(sound, hop))
    return CodedSound(model.encode_codes(chunks), gains, len(sound), hop, model.code_count, _maker(model))


def decode(model: AudioVQVAE, coded: CodedSound) -> np.ndarray:
    """Turn codes back into a sound, float32 [samples]; its chunks fade into one another."""
    from audiovae.data.chunks import from_chunks

    return from_chunks(model.decode_codes(coded.codes) * coded.gains[:, None], coded.length, coded.hop)


if __name__ == "__main__":
    cli.run(main)
