"""The page without a server: what it is written from, and that it makes what the Python code makes."""

import base64
import functools
import http.server
import io
import json
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
import symusic
from browser import BROWSER, PATIENCE_MS

from drumvae.playing import beats
from drumvae.playing import load as load_drums
from fontgan.lettering import load as load_letters
from fontgan.typeface import drawing, typesetting
from manymodes.cli import UserError
from manymodes.music.midi import write_melody
from manymodes.music.score import abc
from manymodes_studio import web
from melodygan import composing
from melodygan.data.grid import as_steps, from_row, plans_in

DESK, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
LARGEST_MB = 25
# --- the command ------------------------------------------------------------------------------------------------------


def test_a_folder_with_files_is_refused(folder, refused):
    (folder / "index.html").write_text("mine", encoding="utf-8")
    assert "not empty" in refused(web.main, folder)


def test_without_a_network_it_says_what_to_do(tmp_path, cache, monkeypatch, refused):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    assert "npm_config_registry" in refused(web.main, tmp_path / "page", notes=True)


def test_what_is_not_in_the_lock_file_is_refused(tmp_path, cache, monkeypatch, refused):
    monkeypatch.setattr(web, "_download", lambda *_: b"something else")
    assert "package-lock.json" in refused(web.main, tmp_path / "page")


# --- the page ---------------------------------------------------------------------------------------------------------

slow = pytest.mark.slow


class _Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Write the page to a folder of a server, and give its address and its path."""
    if BROWSER is None:
        pytest.skip("no browser is installed")
    root = tmp_path_factory.mktemp("server")
    try:
        web.write(root / "deep" / "page")
    except UserError as error:
        if "cannot download" not in str(error):
            raise
        pytest.skip(str(error))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Server, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/deep/page/", root / "deep" / "page"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def visit(site, browser):
    """Give a function that opens the page in a window of a size, once it has a tune; nothing may go wrong meanwhile."""
    contexts, requests, complaints = [], [], []

    def open_page(size=DESK, **options):
        context = browser.new_context(viewport=size, is_mobile=size is PHONE, has_touch=size is PHONE, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(site[0])
        page.locator("#melody .studio-take").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints
    assert all(urlsplit(url).scheme in {"data", "blob"} or url.startswith(site[0]) for url in requests)


@pytest.fixture(scope="module")
def page(visit):
    return visit()


def ask(page, script, argument=None):
    """Run JavaScript that can use the modules of the page: ``random.Generator``, ``site.models`` and so on."""
    names = ("random", "composer", "score", "drums", "letters", "site")
    imports = "".join(f"const {name} = await import('./{name}.js'); " for name in names)
    return page.evaluate(f"async (given) => {{ {imports} {script} }}", argument)


@slow
def test_it_is_small_and_has_the_licences_of_what_it_took(site):
    files = [file for file in site[1].rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < LARGEST_MB * 1e6
    licences = {file.relative_to(site[1]).as_posix() for file in files if "LICENSE" in file.name}
    assert licences == {
        *("LICENSE", "models/LICENSE-MODELS.md", "vendor/LICENSE-abcjs.md", "vendor/LICENSE-onnxruntime.txt")
    }


@slow
@pytest.mark.parametrize("entropy", [[0, 1], [3, 1, 2, 1], [2**31 - 1, 4, 0], [1, 2, 3, 4, 5, 6]])
def test_its_random_numbers_are_those_of_numpy(page, entropy):
    script = """
        const drawn = (draw) => {
          const generator = new random.Generator(...given);
          return Array.from({ length: 1000 }, () => draw(generator));
        };
        return {
          state: random.seedState(given, 3),
          uniform: drawn((generator) => generator.random()),
          whole: drawn((generator) => generator.integer(1299)),
          logistic: drawn((generator) => generator.logistic()),
          normal: drawn((generator) => generator.normal()),
          single: drawn((generator) => generator.normalFloat()),
        };
    """
    drawn, rng = ask(page, script, entropy), functools.partial(np.random.default_rng, entropy)
    assert drawn["state"] == np.random.SeedSequence(entropy).generate_state(3).tolist()
    assert drawn["uniform"] == rng().random(1000).tolist()
    assert drawn["whole"] == rng().integers(1299, size=1000).tolist()
    np.testing.assert_allclose(drawn["logistic"], rng().logistic(size=1000), atol=1e-12)
    np.testing.assert_allclose(drawn["normal"], rng().standard_normal(1000), atol=1e-12)
    np.testing.assert_allclose(drawn["single"], rng().standard_normal(1000, np.float32), atol=1e-6)


@pytest.fixture(scope="module")
def melody_model():
    return composing.load(runtime="onnx")


@slow
@pytest.mark.parametrize("form", [(None, None, None), ("3/4", None, None), (None, "minor", 8), ("6/8", "major", 30)])
def test_its_plans_are_those_of_the_model(page, melody_model, form):
    meter, mode, bars = form
    chosen = plans_in(map(from_row, melody_model.plans), meter, mode, bars, longest=np.inf)[::20]
    script = """
        const { grid, plans } = await site.models.melody();
        const chosen = grid.plansIn(plans, ...given).filter((_, place) => place % 20 === 0);
        return chosen.map((plan) => grid.asSteps(plan, plan.cells));
    """
    assert ask(page, script, [meter, mode, bars]) == [as_steps(plan, plan.cells).tolist() for plan in chosen]


TUNES = [
    *({"seed": seed} for seed in range(4)),
    {"seed": 2**31 - 1, "key": "F# minor"},
    {"seed": 5, "key": "Eb", "meter": "3/4", "bars": 8},
    {"seed": 6, "key": "A minor", "meter": "6/8", "bars": 4},
    {"seed": 7, "meter": "6/4"},
    {"seed": 8, "bars": 24, "tempo": 97},
]


@slow
@pytest.mark.parametrize("options", TUNES, ids=json.dumps)
def test_the_same_seed_gives_the_same_tune(page, melody_model, tmp_path, options):
    (score,) = composing.compose(melody_model, **{"count": 1, **options})
    script = """
        const key = site.keyOf(given.key), meter = given.meter ?? null, bars = given.bars ?? null;
        const asked = { title: "001", tempo: given.tempo ?? 120, seed: given.seed, key, meter, bars };
        const tune = await composer.compose(await site.models.melody(), asked);
        return { abc: score.abc(tune), midi: btoa(String.fromCharCode(...score.melodyMidi(tune))) };
    """
    key = composing.read_key(options["key"]) if "key" in options else None
    made = ask(page, script, {**options, "key": key and f"{key.tonic} {key.mode}"})
    assert made["abc"] == abc(score)
    write_melody(tmp_path / "tune.mid", score)
    assert base64.b64decode(made["midi"]) == (tmp_path / "tune.mid").read_bytes()


@slow
@pytest.mark.parametrize(
    "options", [{"style": "jazz", "seed": 3}, {"style": "rock", "seed": 4, "bars": 1}], ids=json.dumps
)
def test_the_same_seed_gives_the_same_beat(page, options):
    options = {"bars": 4, "tempo": 100.0, "complexity": 0.7, "humanize": 0.5, **options}
    (beat,) = beats(load_drums(runtime="onnx"), **options)
    script = """
        const made = await (await site.models.drums()).beat(given);
        return [made.hits, made.velocities, made.offsets].map((values) => [...values]);
    """
    hits, velocities, offsets = (np.reshape(values, beat.hits.shape) for values in ask(page, script, options))
    assert hits.astype(bool).tolist() == beat.hits.tolist()
    np.testing.assert_allclose(velocities[beat.hits], beat.velocities[beat.hits], atol=1e-4)
    np.testing.assert_allclose(offsets[beat.hits], beat.offsets[beat.hits], atol=1e-4)


@slow
def test_the_same_seed_gives_the_same_letters(page):
    model = load_letters(runtime="onnx")
    images = drawing.draw(model, drawing.style(model, 7))
    script = """
        const graphs = await site.models.letters(), measured = Object.values(await letters.alphabet(graphs, 7));
        const numbers = measured.map(({ left, top, bottom, before, advance }) => [left, top, bottom, before, advance]);
        return [[...await letters.draw(graphs, 7)], numbers];
    """
    drawn, numbers = ask(page, script)
    np.testing.assert_allclose(drawn, images.ravel(), atol=1e-3)
    expected = [(one.left, one.top, one.bottom, one.before, one.advance) for one in map(typesetting.measure, images)]
    np.testing.assert_allclose(numbers, expected, atol=1)  # a pixel: Python sharpens corners


def downloaded(page, panel, name):
    """Return the content of the file of a link."""
    with page.expect_download() as download:
        page.locator(f"#{panel}").get_by_role("link", name=name, exact=True).click()
    return download.value.path().read_bytes()


def hits(page):
    """Return the number of hits of the beat to download."""
    return symusic.Score.from_midi(downloaded(page, "drums", "MIDI")).note_num()


@slow
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_visitor_composes_drums_and_types(visit, size):
    page = visit(size)
    melody = page.locator("#melody")
    melody.get_by_label("Key").select_option("E♭ major")
    melody.get_by_label("Metre").select_option("3/4")
    melody.get_by_label("Bars").fill("8")
    melody.get_by_role("button", name="Compose").click()
    page.get_by_text("8 bars of 3/4 in E♭ major, seed 0").wait_for()
    page.wait_for_function("() => studio.transport.playing && studio.transport.position > 0.1")
    midi = symusic.Score.from_midi(downloaded(page, "melody", "MIDI"))
    meters = [(signature.numerator, signature.denominator) for signature in midi.time_signatures]
    assert meters[-1] == (3, 4)
    assert sum(note.duration for note in midi.tracks[0].notes) <= 8 * 3 * midi.ticks_per_quarter
    assert soundfile.info(io.BytesIO(downloaded(page, "melody", "WAV"))).duration > 8
    assert b"<svg" in downloaded(page, "melody", "SVG")

    page.get_by_role("tab", name="Melody").press("ArrowRight")
    page.locator("#drums .studio-take").wait_for()
    cell = page.locator('#drums [data-at="0,1,8"]')
    assert cell.get_attribute("aria-pressed") == "false"
    before = hits(page)
    cell.click()
    page.wait_for_function("() => studio.shelf.takes.some((take) => take.tab === 'drums' && take.follows)")
    assert hits(page) == before + 1

    page.get_by_role("tab", name="Letters").click()
    page.locator("#letters .studio-letters").wait_for()
    page.get_by_label("Text").fill("ab")
    page.locator("#letters [aria-label=AB]").wait_for()
    assert page.locator("#letters svg path").count() == 2
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@slow
def test_a_link_opens_a_take_again_and_a_metre_that_was_never_heard_is_said(visit):
    page = visit()
    page.locator("#melody").get_by_label("Tempo").fill("90")
    page.locator("#melody").get_by_label("Seed").fill("41")
    page.locator("#melody").get_by_role("button", name="Another").click()
    page.wait_for_function("() => studio.shelf.takes.some((take) => take.title === 'tune-42')")
    link = page.locator("#studio-shelf a", has_text="Link").first.get_attribute("href")
    page.goto("about:blank")
    page.goto(link)
    page.get_by_text("seed 42").wait_for()
    melody = page.locator("#melody")
    assert melody.get_by_label("Tempo").input_value() == "90"
    melody.get_by_label("Key").select_option("C minor")
    melody.get_by_label("Metre").select_option("6/4")
    melody.get_by_role("button", name="Compose").click()
    page.get_by_text("never heard a tune in 6/4 minor").wait_for()
