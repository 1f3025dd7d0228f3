"""Keep sounds as codes of a VQ-VAE, 1.4 kbit a second: ``python -m audiovae.codec encode my.wav my.codes``.

`audiovae.codes` describes the format of the file. A model decodes only what it has encoded itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.files import check_new_file, replacing_file
from manymodes.hub import add_model_option, model_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = "  python -m audiovae.codec encode my.wav my.codes\n  python -m audiovae.codec decode my.codes again.wav"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)

    from audiovae.codes import pack, read_codes
    from audiovae.data.chunks import RATE_HZ
    from audiovae.synthesis import decode, encode, load, with_codes
    from manymodes.music.audio import FORMATS, read_audio, write_audio

    encoding = args.verb == "encode"
    if not encoding and args.out.suffix.lower() not in FORMATS:
        raise cli.UserError(f"{args.out} must end with {', '.join(FORMATS)}")
    check_new_file(args.out, force=args.force)
    given: Any = read_audio(args.sound) if encoding else read_codes(args.codes)
    file = model_file(args.model, "audiovae.train")
    model = with_codes(load(file), file)
    if encoding:
        content = pack(encode(model, given))
        with replacing_file(args.out) as partial:
            partial.write_bytes(content)
        seconds = len(given) / RATE_HZ
        rate = 8 * len(content) / seconds / 1000
        print(f"wrote {args.out}: {seconds:.2f} s in {len(content):,} bytes, {rate:.2f} kbit/s")
    else:
        if given.maker.hex() != model.maker:
            raise cli.UserError(f"{args.codes} was made by another model than {file}: give that one as --model")
        sound = decode(model, given)
        write_audio(args.out, sound)
        print(f"wrote {args.out}: {len(sound) / RATE_HZ:.2f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("audiovae.codec", "Turn sounds into few bytes with a VQ-VAE, and back.", EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="encode|decode")
    encode = verbs.add_parser("encode", help="a sound to codes", description="Turn a sound into a file of codes.")
    encode.add_argument("sound", type=Path, metavar="SOUND", help="a WAV, FLAC, OGG or MP3 file of any length")
    encode.add_argument("out", type=Path, metavar="CODES", help="file to write, such as my.codes")
    decode = verbs.add_parser("decode", help="codes to a sound", description="Turn a file of codes into a sound.")
    decode.add_argument("codes", type=Path, metavar="CODES", help="a file that encode has written")
    decode.add_argument("out", type=Path, metavar="SOUND", help="file to write: .wav, .flac, .ogg or .mp3")
    for verb in (encode, decode):
        add_model_option(verb, "audiovae.train")
        verb.add_argument("--force", action="store_true", help="overwrite a file that exists")
    return parser


if __name__ == "__main__":
    cli.run(main)
