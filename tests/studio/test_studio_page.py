"""The studio as a visitor meets it: the program runs, and a browser uses its page."""

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import BROWSER
from studiomodels import beat_file, sound_file, tune_archive, tune_file

import manymodes_studio
from manymodes.cli import INTERRUPTED_EXIT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no browser is installed")]
sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("gradio")
expect = sync_api.expect

DESK, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
PATIENCE_MS = 90_000
# No selector reaches players: they are noted when they begin.
NOTE_PLAYERS = """
window.players = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.players.push(this);
  return play.call(this);
};
"""
# Python runs it before anything else, and it notes the addresses that the program talks to.
NOTE_ADDRESSES = """
import os, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        place = arguments[1] if event == "socket.connect" else arguments[0]
        with open(os.environ["STUDIO_ADDRESSES"], "a", encoding="utf-8") as file:
            print(place[0] if isinstance(place, tuple) else place, file=file)
sys.addaudithook(note)
"""


@pytest.fixture(scope="module")
def program(model_folder, tmp_path_factory):
    """Start the studio and give its address; at the end it must have talked to nobody, and leave no files."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "sitecustomize.py").write_text(NOTE_ADDRESSES, encoding="utf-8")
    talked_to = folder / "talked-to.txt"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(Path(manymodes_studio.__file__).parents[1])]),
        "STUDIO_ADDRESSES": str(talked_to),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "manymodes_studio", "--models", str(model_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder) as process:
        printed = iter(process.stdout.readline, "")
        address = next((result[1] for line in printed if (result := re.search(r"open at (\S+)", line))), None)
        assert address is not None, "the studio ended before it was open"
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == INTERRUPTED_EXIT
    assert not list(folder.glob("manymodes-studio-*")), "it left files of visitors"
    places = set(talked_to.read_text(encoding="utf-8").split())
    assert places, "not even to itself: nothing was noted"
    assert places <= {"127.0.0.1", "localhost", "::1", "b'127.0.0.1'"}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(program, browser):
    """Open a tab in a window of a size; at the end the page must have requested nothing from others than the studio."""
    contexts, requests = [], []

    def open_page(tab, size=DESK):
        context = browser.new_context(viewport=size, is_mobile=size is PHONE, has_touch=size is PHONE)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: requests.append(request.url))
        page.add_init_script(NOTE_PLAYERS)
        page.goto(program)
        to_tab(page, tab)
        return page

    yield open_page
    for context in contexts:
        context.close()
    places = {urlsplit(url) for url in requests}
    assert {place.scheme for place in places} <= {"http", "data", "blob"}
    assert {place.hostname for place in places if place.scheme == "http"} == {"127.0.0.1"}


def to_tab(page, name):
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def unfold(page, name):
    """Open a folded part of a tab; an arrow follows its name."""
    page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()


def status(page):
    """Return the status line of the open tab."""
    return page.locator(".studio-status:visible")


def expect_status(page, text):
    expect(status(page)).to_contain_text(re.compile(text), timeout=PATIENCE_MS)


def expect_sound(page):
    """Wait until something new is heard."""
    page.wait_for_function("players.length && players.at(-1).currentTime > 0.05")
    page.evaluate("() => { players.length = 0; }")


def expect_ready(page, name):
    """Wait until there is a file to download; return its button."""
    button = page.get_by_role("button", name=name, exact=True).locator("visible=true")
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    return button


def expect_message(page, text):
    expect(page.get_by_text(re.compile(text)).first).to_be_visible(timeout=PATIENCE_MS)


def upload(page, name, file):
    page.locator(f"#studio-{name} input[type=file]").set_input_files(file)
    expect(page.locator(f"#studio-{name}").get_by_label(re.compile("Clear|Remove|Play"))).not_to_have_count(0)


def download(page, name):
    button = expect_ready(page, name)
    with page.expect_download() as started:
        button.click()
    return Path(started.value.path()).read_bytes()


def test_a_melody_is_composed_varied_and_downloaded(visit):
    page = visit("Melody")
    press(page, "Vary this")
    expect_message(page, "there is no melody yet: compose one first")
    press(page, "Compose")
    expect_sound(page)
    expect_status(page, "16 bars of 3/4 · G major")
    assert page.locator(".studio-roll .note").count() > 5
    sheet = page.locator(".studio-paper img").first
    assert sheet.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 100
    assert download(page, "MIDI").startswith(b"MThd")
    assert download(page, "WAV").startswith(b"RIFF")
    assert b"<score-partwise" in download(page, "MusicXML")
    first = status(page).inner_text()
    press(page, "Vary this")
    expect(status(page)).not_to_have_text(first, timeout=PATIENCE_MS)
    expect_status(page, "16 bars of 3/4 · G major")
    expect_sound(page)


def test_an_uploaded_tune_is_continued(visit, tmp_path):
    page = visit("Melody")
    unfold(page, "Continue my MIDI")
    upload(page, "tune", tune_file(tmp_path / "Mein Stück.mid", (62, 64, 66, 67, 69, 71, 73, 74)))
    press(page, "Continue it")
    expect_status(page, "bars of 3/4 · G major")
    expect_sound(page)


def test_a_beat_repeats_changes_and_is_transferred(visit, tmp_path):
    page = visit("Drums")
    for style in ("Rock", "Jazz", "Hip-hop", "Electronic", "Latin"):
        expect(page.get_by_label(f"range slider for {style}")).to_be_visible()
    press(page, "New beat")
    expect_sound(page)
    page.wait_for_function("players.length")  # it repeats by itself
    expect_status(page, "2 bars")
    seed = re.search(r"seed \d+", status(page).inner_text())[0]
    hits = page.locator(".studio-grid .hit").count()
    page.get_by_label("number input for Complexity").fill("1")
    press(page, "Change it")
    expect_sound(page)
    expect_status(page, seed)
    page.wait_for_function("least => document.querySelectorAll('.studio-grid .hit').length > least", arg=hits)
    assert download(page, "MIDI").startswith(b"MThd")
    page.get_by_label("drummers").check()
    expect(page.get_by_label("range slider for Latin")).to_be_hidden()
    unfold(page, "Play my beat in these styles")
    upload(page, "beat", beat_file(tmp_path / "beat.mid"))
    page.get_by_label("number input for Keep").fill("1")
    press(page, "Transfer")
    expect_status(page, "24 of 24 hits stayed")
    expect_sound(page)


def test_a_word_is_drawn_while_it_is_typed_and_becomes_a_font(visit):
    page = visit("Letters")
    word = page.locator(".studio-letters")
    expect(word).to_have_attribute("aria-label", "HELLO WORLD")
    page.get_by_label("Word").fill("Größe")
    expect(word).to_have_attribute("aria-label", "GROESSE", timeout=PATIENCE_MS)
    expect_status(page, "umlauts are spelled out")
    page.get_by_label("number input for Morph").fill("10")
    expect_status(page, "style 7 to 23, 50% of the way")
    press(page, "Make the font")
    assert download(page, "TTF").startswith(b"\x00\x01\x00\x00")


def test_sounds_are_sampled_reconstructed_and_morphed(visit, tmp_path):
    page = visit("Sound")
    press(page, "Sample")
    expect_sound(page)
    expect_status(page, "4 × piano")
    upload(page, "mine", sound_file(tmp_path / "Flöte.wav"))
    press(page, "Reconstruct")
    expect_status(page, "1.0 seconds, encoded and decoded")
    expect_sound(page)
    unfold(page, "Morph to another sound")
    upload(page, "other", sound_file(tmp_path / "other.wav", hertz=330))
    press(page, "Interpolate")
    expect_status(page, "5 steps")
    assert download(page, "WAV").startswith(b"RIFF")


def test_two_archives_are_compared(visit, tmp_path):
    page = visit("Judge")
    upload(page, "generated", tune_archive(tmp_path / "gen.zip"))
    upload(page, "original", tune_archive(tmp_path / "org.zip", seed=1))
    press(page, "Judge")
    expect_status(page, "judged")
    expect(page.locator(".studio-verdict li")).to_have_count(4)
    expect(page.frame_locator(".studio-report").locator("h1")).to_be_visible()
    assert json.loads(download(page, "JSON"))["program"] == "evaluation.report"


def test_a_comparison_is_cancelled_and_the_last_one_stays(visit, tmp_path):
    page = visit("Judge")
    upload(page, "generated", tune_archive(tmp_path / "gen.zip"))
    upload(page, "original", tune_archive(tmp_path / "org.zip", seed=1))
    press(page, "Judge")
    expect_status(page, "judged")
    press(page, "Judge")
    busy = page.locator(".wrap.full:not(.hide)").first
    expect(busy).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).locator("visible=true").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
    expect(busy).to_be_hidden(timeout=2000)
    expect(page.locator(".studio-verdict li")).to_have_count(4)
    expect_status(page, "judged")
    press(page, "Judge")
    expect(busy).to_be_visible()
    expect(busy).to_be_hidden(timeout=PATIENCE_MS)
    expect_status(page, "judged")


def test_bad_files_are_messages_and_the_page_goes_on(visit, tmp_path):
    page = visit("Melody")
    bad, bomb, large = (tmp_path / name for name in ("bad.mid", "bomb.zip", "large.zip"))
    bad.write_bytes(b"no MIDI at all")
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("../<img src='http://example.org/x'>.mid", b"MThd")
    large.write_bytes(bytes(33_000_000))
    unfold(page, "Continue my MIDI")
    upload(page, "tune", bad)
    press(page, "Continue it")
    expect_message(page, "no usable tune in bad.mid")
    to_tab(page, "Judge")
    upload(page, "generated", bomb)
    press(page, "Judge")
    expect_message(page, "bomb.zip holds ../<img src='http://example.org/x'>.mid, a path outside the archive")
    page.locator("#studio-original input[type=file]").set_input_files(large)
    expect_message(page, "[Ee]xceeds|too large|[Mm]aximum")
    to_tab(page, "Melody")
    press(page, "Compose")
    expect_sound(page)


FOCUSED = """() => {
    const at = document.activeElement;
    return (at.getAttribute("aria-label") || at.innerText || at.labels?.[0]?.innerText || at.type || "").trim();
}"""


def walk(page):
    """Press the tabulator until the page is left; return the names that are read aloud on the way."""
    stops = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    return stops


def test_the_keyboard_reaches_all_and_composes(visit):
    page = visit("Melody")
    expect(page.get_by_role("button", name="Compose", exact=True)).to_be_visible()
    stops = walk(page)
    wanted = ["Drums", "Judge", "Key", "Metre", "number input for Bars", "range slider for Tempo", "Instrument"]
    places = [stops.index(name) for name in [*wanted, "Compose", "Vary this", "Melody"]]
    assert places == sorted(places)
    page.get_by_role("button", name="Compose", exact=True).focus()
    page.keyboard.press("Enter")
    expect_sound(page)
    expect_ready(page, "MIDI")
    stops = walk(page)
    assert {"Pause", "WAV", "MIDI", "PNG"} <= set(stops)
    assert any(stop.startswith("piano roll of") for stop in stops)
    page.get_by_role("tab", name="Letters").focus()
    page.keyboard.press("Enter")
    page.get_by_label("range slider for Style").focus()
    page.keyboard.press("ArrowRight")
    expect_status(page, "^style 8$")


@pytest.mark.parametrize(
    ("tab", "make", "made"),
    [
        ("Melody", "Compose", "PNG"),
        ("Drums", "New beat", "PNG"),
        ("Letters", "Make the font", "SVG"),
        ("Sound", "Sample", "PNG"),
        ("Judge", None, None),
    ],
)
def test_the_page_fits_on_a_phone_and_goes_to_the_result(visit, tab, make, made):
    page = visit(tab, PHONE)
    if make:
        press(page, make)
        expect_ready(page, made)
        expect(status(page)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
