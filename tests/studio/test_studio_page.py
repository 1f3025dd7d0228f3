"""The studio as a visitor meets it: the program is started, and a browser driven through its page."""

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

TABS = ("Melody", "Drums", "Letters", "Sound", "Judge")
DESK, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
PATIENCE_MS = 90_000
# Players are where no selector reaches them: they are noted when they begin.
HEARD = """
window.players = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.players.push(this);
  return play.call(this);
};
"""
# Python runs it before anything else, and it notes whom the program talks to.
WATCH = """
import os, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        place = arguments[1] if event == "socket.connect" else arguments[0]
        with open(os.environ["STUDIO_WATCH"], "a", encoding="utf-8") as file:
            print(place[0] if isinstance(place, tuple) else place, file=file)
sys.addaudithook(note)
"""


@pytest.fixture(scope="module")
def program(model_folder, tmp_path_factory):
    """Start the studio as a person would; give its address and the file that says whom it has talked to."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = folder / "talked-to.txt"
    watched.touch()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(Path(manymodes_studio.__file__).parents[1])]),
        "STUDIO_WATCH": str(watched),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "manymodes_studio", "--models", str(model_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder) as process:
        printed = iter(process.stdout.readline, "")
        address = next((found[1] for line in printed if (found := re.search(r"open at (\S+)", line))), None)
        assert address is not None, "the studio ended before it was open"
        yield address, watched
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == INTERRUPTED_EXIT
    assert not list(folder.glob("manymodes-studio-*")), "it left what it made for visitors"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(program, browser):
    """Open the page in a window of a size; at the end it must have reached nobody but the studio."""
    address, _ = program
    contexts, requests = [], []

    def open_page(size=DESK):
        context = browser.new_context(viewport=size, is_mobile=size is PHONE, has_touch=size is PHONE)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: requests.append(request.url))
        page.add_init_script(HEARD)
        page.goto(address)
        page.get_by_role("tab").nth(4).wait_for()
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
    """Open a part of a tab that is folded away; an arrow follows its name."""
    page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()


def said(page):
    """Return the line that says what was made, of the tab that is open."""
    return page.locator(".studio-status:visible")


def expect_said(page, text):
    expect(said(page)).to_contain_text(re.compile(text), timeout=PATIENCE_MS)


def expect_sound(page):
    """Wait until something new is heard."""
    page.wait_for_function("players.length && players.at(-1).currentTime > 0.05")
    page.evaluate("() => { players.length = 0; }")


def expect_round(page):
    """Wait until something new is heard, and begins again by itself."""
    expect_sound(page)
    page.wait_for_function("players.length")


def expect_message(page, text):
    expect(page.get_by_text(re.compile(text)).first).to_be_visible(timeout=PATIENCE_MS)


def upload(page, name, file):
    page.locator(f"#studio-{name} input[type=file]").set_input_files(file)
    expect(page.locator(f"#studio-{name}").get_by_label(re.compile("Clear|Remove|Play"))).not_to_have_count(0)


def download(page, name):
    button = page.get_by_role("button", name=name, exact=True).locator("visible=true")
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    with page.expect_download() as started:
        button.click()
    return Path(started.value.path()).read_bytes()


# --- every tab ---------------------------------------------------------------------------------------------


def test_a_melody_is_heard_seen_varied_and_taken_along(visit):
    page = visit()
    press(page, "Compose")
    expect_sound(page)
    expect_said(page, "16 bars of 3/4 · G major")
    assert page.locator(".studio-roll .note").count() > 5
    sheet = page.locator(".studio-paper img").first
    assert sheet.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 100
    assert download(page, "MIDI").startswith(b"MThd")
    assert download(page, "WAV").startswith(b"RIFF")
    assert b"<score-partwise" in download(page, "MusicXML")
    first = said(page).inner_text()
    press(page, "Vary this")
    expect(said(page)).not_to_have_text(first, timeout=PATIENCE_MS)
    expect_said(page, "16 bars of 3/4 · G major")
    expect_sound(page)


def test_a_tune_of_ones_own_goes_on(visit, tmp_path):
    page = visit()
    press(page, "Vary this")
    expect_message(page, "there is no melody yet: compose one first")
    unfold(page, "Continue my MIDI")
    upload(page, "tune", tune_file(tmp_path / "Mein Stück.mid", (62, 64, 66, 67, 69, 71, 73, 74)))
    press(page, "Continue it")
    expect_said(page, "bars of 3/4 · G major")
    expect_sound(page)


def test_a_beat_goes_round_changes_and_is_taken_along(visit):
    page = visit()
    to_tab(page, "Drums")
    for style in ("Rock", "Jazz", "Hip-hop", "Electronic", "Latin"):
        expect(page.get_by_label(f"range slider for {style}")).to_be_visible()
    press(page, "New beat")
    expect_round(page)
    expect_said(page, "2 bars")
    seed = re.search(r"seed \d+", said(page).inner_text())[0]
    hits = page.locator(".studio-grid .hit").count()
    page.get_by_label("number input for Complexity").fill("1")
    press(page, "Change it")
    expect_sound(page)
    expect_said(page, seed)
    page.wait_for_function("least => document.querySelectorAll('.studio-grid .hit').length > least", arg=hits)
    assert download(page, "MIDI").startswith(b"MThd")
    page.get_by_label("drummers").check()
    expect(page.get_by_label("range slider for Latin")).to_be_hidden()
    press(page, "New beat")
    expect_sound(page)


def test_a_beat_of_ones_own_is_transferred(visit, tmp_path):
    page = visit()
    to_tab(page, "Drums")
    unfold(page, "Play my beat in these styles")
    upload(page, "beat", beat_file(tmp_path / "beat.mid"))
    page.get_by_label("number input for Keep").fill("1")
    press(page, "Transfer")
    expect_said(page, "24 of 24 hits stayed")
    expect_round(page)


def test_a_word_is_drawn_as_it_is_typed_and_taken_along_as_a_font(visit):
    page = visit()
    to_tab(page, "Letters")
    word = page.locator(".studio-letters")
    expect(word).to_have_attribute("aria-label", "HELLO WORLD")
    page.get_by_label("Word").fill("Größe")
    expect(word).to_have_attribute("aria-label", "GROESSE", timeout=PATIENCE_MS)
    expect_said(page, "umlauts are spelled out")
    page.get_by_label("number input for Morph").fill("10")
    expect_said(page, "style 7 to 23, 50% of the way")
    press(page, "Make the font")
    assert download(page, "TTF").startswith(b"\x00\x01\x00\x00")


def test_sounds_are_drawn_rebuilt_and_morphed(visit, tmp_path):
    page = visit()
    to_tab(page, "Sound")
    press(page, "Sample")
    expect_sound(page)
    expect_said(page, "4 × piano")
    upload(page, "mine", sound_file(tmp_path / "Flöte.wav"))
    press(page, "Reconstruct")
    expect_said(page, "1.0 seconds, encoded and decoded")
    expect_sound(page)
    unfold(page, "Morph to another sound")
    upload(page, "other", sound_file(tmp_path / "other.wav", hertz=330))
    press(page, "Interpolate")
    expect_said(page, "5 steps")
    assert download(page, "WAV").startswith(b"RIFF")


def test_two_zips_are_judged(visit, tmp_path):
    page = visit()
    to_tab(page, "Judge")
    upload(page, "generated", tune_archive(tmp_path / "gen.zip"))
    upload(page, "original", tune_archive(tmp_path / "org.zip", seed=1))
    press(page, "Judge")
    expect_said(page, "judged")
    expect(page.locator(".studio-verdict li")).to_have_count(3)
    expect(page.frame_locator(".studio-report").locator("h1")).to_be_visible()
    assert json.loads(download(page, "JSON"))["program"] == "evaluation.report"


# --- what visitors do wrong --------------------------------------------------------------------------------


def test_bad_files_are_messages_and_the_page_goes_on(visit, tmp_path):
    page = visit()
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"no MIDI at all")
    unfold(page, "Continue my MIDI")
    upload(page, "tune", bad)
    press(page, "Continue it")
    expect_message(page, "no usable tune in bad.mid")
    to_tab(page, "Judge")
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("../../escaped.mid", b"MThd")
    upload(page, "generated", bomb)
    press(page, "Judge")
    expect_message(page, "bomb.zip holds ../../escaped.mid, a path outside the archive")
    to_tab(page, "Melody")
    press(page, "Compose")
    expect_sound(page)


def test_a_name_is_shown_and_is_no_part_of_the_page(visit, tmp_path):
    page = visit()
    to_tab(page, "Judge")
    archive = tmp_path / "sent.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../<img src='http://example.org/x'>.mid", b"MThd")
    upload(page, "generated", archive)
    press(page, "Judge")
    expect_message(page, "<img src=")


def test_what_is_too_large_is_refused_while_it_is_sent(visit, tmp_path):
    page = visit()
    large = tmp_path / "large.zip"
    large.write_bytes(bytes(33_000_000))
    to_tab(page, "Judge")
    page.locator("#studio-generated input[type=file]").set_input_files(large)
    expect_message(page, "[Ee]xceeds|too large|[Mm]aximum")
    to_tab(page, "Letters")
    page.get_by_label("Word").fill("again")
    expect(page.locator(".studio-letters")).to_have_attribute("aria-label", "AGAIN", timeout=PATIENCE_MS)


# --- for everybody -----------------------------------------------------------------------------------------


def focused(page):
    """Return what has the focus, as it would be read aloud."""
    return page.evaluate(
        "() => { const at = document.activeElement; return at === document.body ? null :"
        " (at.getAttribute('aria-label') || at.innerText || at.labels?.[0]?.innerText || at.type).trim(); }"
    )


def walk(page, most=80):
    """Press the tabulator until the page is left, and return what had the focus on the way."""
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = focused(page)
        if stop is None and len(stops) > len(TABS) + 10:
            break
        stops += [stop] if stop else []
    return stops


def test_the_keyboard_reaches_all_and_composes(visit):
    page = visit()
    expect(page.get_by_role("button", name="Compose", exact=True)).to_be_visible()
    stops = walk(page)
    wanted = [*TABS, "Key", "Metre", "number input for Bars", "range slider for Temperature", "range slider for Tempo"]
    wanted += ["Instrument", "Compose", "Vary this"]
    places = [stops.index(name) for name in wanted]
    assert places == sorted(places)
    page.get_by_role("button", name="Compose", exact=True).focus()
    page.keyboard.press("Enter")
    expect_sound(page)
    expect(page.get_by_role("button", name="MIDI", exact=True)).to_be_enabled(timeout=PATIENCE_MS)
    stops = walk(page)
    assert {"Pause", "WAV", "MIDI", "PNG"} <= set(stops)
    assert any(stop.startswith("piano roll of") for stop in stops)


def test_tabs_and_sliders_answer_to_keys(visit):
    page = visit()
    page.get_by_role("tab", name="Letters").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".studio-letters")).to_be_visible()
    page.get_by_label("range slider for Style").focus()
    page.keyboard.press("ArrowRight")
    expect_said(page, "^style 8$")


@pytest.mark.parametrize("tab", TABS)
def test_nothing_is_wider_than_a_phone(visit, tab):
    page = visit(PHONE)
    to_tab(page, tab)
    make, made = {
        "Melody": ("Compose", "PNG"),
        "Drums": ("New beat", "PNG"),
        "Letters": ("Make the font", "SVG"),
        "Sound": ("Sample", "PNG"),
    }.get(tab, (None, None))
    if make:
        press(page, make)
        button = page.get_by_role("button", name=made, exact=True).locator("visible=true")
        expect(button).to_be_enabled(timeout=PATIENCE_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_on_a_phone_the_page_goes_to_what_was_made(visit):
    page = visit(PHONE)
    press(page, "Compose")
    expect_sound(page)
    expect(said(page)).to_be_in_viewport()


def test_the_program_has_talked_to_nobody_else(visit, program):
    page = visit()
    press(page, "Compose")
    expect_sound(page)
    _, watched = program
    places = set(watched.read_text(encoding="utf-8").split())
    assert places, "not even to itself: nothing was watched"
    assert places <= {"127.0.0.1", "localhost", "::1", "b'127.0.0.1'"}
