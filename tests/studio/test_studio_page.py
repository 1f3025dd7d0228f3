"""The studio as a visitor meets it: the program runs, and a browser uses its page."""

import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import symusic
from browser import BROWSER, PATIENCE_MS
from studiomodels import beat_file, sound_file, tune_file
from visitor import address_of, running

from manymodes.cli import INTERRUPTED_EXIT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no browser is installed")]
sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("gradio")
expect = sync_api.expect
expect.set_options(timeout=PATIENCE_MS)

DESK, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
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
    command = ("-m", "manymodes_studio", "--models", model_folder)
    with running(*command, path=folder, STUDIO_ADDRESSES=str(talked_to), TMPDIR=str(folder)) as process:
        yield address_of(process)
    assert process.returncode == INTERRUPTED_EXIT
    assert not list(folder.glob("manymodes-studio-*")), "it left files of visitors"
    places = set(talked_to.read_text(encoding="utf-8").split())
    assert places, "not even to itself: nothing was noted"
    assert places <= {"127.0.0.1", "localhost", "::1", "b'127.0.0.1'"}


@pytest.fixture
def visit(program, browser):
    """Open a tab in a window of a size; at the end the page must have requested nothing from others than the studio."""
    contexts, requests = [], []

    def open_page(tab, size=DESK, script="", **options):
        context = browser.new_context(viewport=size, is_mobile=size is PHONE, has_touch=size is PHONE, **options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(script)
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: requests.append(request.url))
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
    expect(status(page)).to_contain_text(re.compile(text))


PLAYING = "() => studio.transport.playing && studio.transport.position > 0.02 && studio.transport.take.id"


def expect_sound(page, other_than=None):
    """Wait until a take is heard, other than one; return its id."""
    page.wait_for_function(f"(id) => {{ const now = ({PLAYING})(); return now && now !== id; }}", arg=other_than)
    return page.evaluate("() => studio.transport.take.id")


def expect_ready(page, name):
    """Wait until there is a file to download; return its button."""
    button = page.get_by_role("button", name=name, exact=True).locator("visible=true")
    expect(button).to_be_enabled()
    return button


def upload(page, name, file):
    page.locator(f"#studio-{name} input[type=file]").set_input_files(file)
    expect(page.locator(f"#studio-{name}").get_by_label(re.compile("Clear|Remove|Play"))).not_to_have_count(0)


def download(page, name):
    button = expect_ready(page, name)
    with page.expect_download() as started:
        button.click()
    return Path(started.value.path()).read_bytes()


def test_each_take_has_its_own_seed_which_gives_it_again(visit):
    page = visit("Melody")
    unfold(page, "Advanced")
    seed = page.get_by_label("Seed").locator("visible=true")
    expect(seed).to_have_value("")
    seeds, heard = set(), None
    for _ in range(2):
        press(page, "Compose")
        heard = expect_sound(page, heard)
        seeds.add(re.search(r"seed (\d+)", status(page).inner_text())[1])
    assert len(seeds) == 2
    notes = page.locator(".studio-roll:visible .note").count()
    link = page.locator(".studio-shelf li").first.get_by_role("link", name="Link").get_attribute("href")
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_role("tab", name="Melody")).to_have_attribute("aria-selected", "true")
    expect_status(page, "seed")
    expect(page.locator(".studio-roll:visible .note")).to_have_count(notes)
    unfold(page, "Advanced")
    expect(seed).to_have_value(re.compile("|".join(seeds)))
    page.locator(".studio-dice:visible").click()
    expect(seed).to_have_value("")
    press(page, "Undo")
    expect_status(page, "there is no earlier take")
    expect_ready(page, "PNG")
    cards = page.locator(".studio-shelf li")
    before = cards.count()
    cards.first.get_by_role("button", name="Four more like this").click()
    expect(cards).to_have_count(before + 4)
    bad = {"tab": "melody", "values": {"model": "../../x", "key": 3, "meter": "<b>", "bars": "many"}}
    page.goto("about:blank")
    page.goto(f"{link.partition('#')[0]}#take={quote(json.dumps(bad))}")
    expect_status(page, "this link has no settings")


def test_each_change_of_a_take_is_undone_on_its_card(visit):
    page = visit("Song")
    cards = page.locator(".studio-shelf li")
    name = cards.first.get_by_label("Name of the take")
    original = name.input_value()
    name.fill("My waltz")
    name.press("Tab")
    cards.first.get_by_role("button", name="Undo").click()
    expect(name).to_have_value(original)
    cards.first.get_by_role("button", name="Keep").click()
    expect(cards.locator("span.kept")).to_have_count(1)
    cards.first.get_by_role("button", name="Remove").click()
    expect(cards.locator("span.kept")).to_have_count(0)
    expect(page.locator(".studio-shelf .removed button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards.locator("span.kept")).to_have_count(1)
    page.reload()
    expect(cards.locator("span.kept")).to_have_count(1)
    page.get_by_label("Dance").check()
    made = expect_sound(page)
    expect_status(page, "bars of 4/4 · E minor")
    page.get_by_label("Drums").uncheck()
    changed = expect_sound(page, made)
    count = cards.count()
    cards.first.get_by_role("button", name="Undo").click()
    assert page.evaluate("() => studio.transport.take.id") == made != changed
    expect(cards).to_have_count(count)


def test_takes_are_listed_where_nothing_may_be_stored(visit):
    page = visit("Song", script="IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); }")
    cards = page.locator(".studio-shelf li")
    cards.first.get_by_role("button", name="Keep").click()
    expect(cards.locator("span.kept")).to_have_count(1)


def test_one_transport_plays_one_thing_and_goes_on_under_other_tabs(visit, tmp_path):
    page = visit("Drums")
    press(page, "New beat")
    beat = expect_sound(page)
    to_tab(page, "Melody")
    assert page.evaluate(PLAYING) == beat
    press(page, "Compose")
    expect_sound(page, beat)
    to_tab(page, "Sound")
    upload(page, "mine", sound_file(tmp_path / "mine.wav", seconds=3))
    page.locator("#studio-mine").get_by_label("Play", exact=True).click()
    page.wait_for_function("() => !studio.transport.playing")
    page.locator(".studio-transport .big").click()
    page.wait_for_function("() => studio.transport.playing")


def test_a_melody_is_composed_varied_recomposed_and_downloaded(visit):
    page = visit("Melody")
    edge = page.get_by_label("Key").evaluate(
        """(input) => {
            let at = input;
            while (at && getComputedStyle(at).borderTopWidth === "0px") at = at.parentElement;
            return at.getBoundingClientRect().height;
        }"""
    )
    assert edge < 60, "the dropdown itself has an edge"
    press(page, "Vary this")
    expect_status(page, "there is no melody yet: compose one first")
    press(page, "Compose")
    first = expect_sound(page)
    expect_status(page, "16 bars of 3/4 · G major")
    assert page.locator(".studio-roll:visible .note").count() > 5
    expect(page.locator(".studio-paper svg g.note").first).to_be_visible()
    onsets = json.loads(page.locator(".studio-paper").get_attribute("data-onsets"))
    assert page.locator(".studio-paper g.note").count() == len(onsets)
    assert download(page, "MIDI").startswith(b"MThd")
    assert download(page, "WAV").startswith(b"RIFF")
    assert b"<score-partwise" in download(page, "MusicXML")
    page.locator(".studio-roll:visible button.number").nth(2).click()
    page.locator(".studio-roll:visible button.number").nth(4).click()
    expect(page.get_by_label("Bars to change")).to_have_value("3-5")
    press(page, "Recompose these bars")
    second = expect_sound(page, first)
    page.get_by_label("Instrument").locator("visible=true").click()
    page.get_by_role("option", name="violin").click()
    third = expect_sound(page, second)
    press(page, "Vary this")
    expect_sound(page, third)
    expect_status(page, "16 bars of 3/4 · G major")


MIDI_PORTS = """
window.sent = [];
const output = { id: "1", name: "Synthesizer", send: (bytes, at) => sent.push([...bytes]) };
window.input = { id: "2", name: "Keyboard" };
navigator.requestMIDIAccess = async () => ({ outputs: new Map([["1", output]]), inputs: new Map([["2", input]]) });
"""


def test_notes_that_are_played_begin_a_tune(visit):
    page = visit("Melody", script=MIDI_PORTS)
    unfold(page, "Begin with my notes")
    notes = page.locator("#studio-notes textarea, #studio-notes input")
    key = page.get_by_role("button", name="C4", exact=True)
    key.click()
    expect(notes).to_have_value(re.compile(r"^C4:[\d.]+$"))
    page.get_by_role("heading").first.click()
    page.keyboard.press("d")  # the keys are off
    page.get_by_role("button", name="Play with the keys").click()
    page.keyboard.press("d")
    expect(notes).to_have_value(re.compile(r"^C4:[\d.]+ E4:[\d.]+$"))
    page.get_by_label("Bars to change").fill("d")  # a text field keeps its letters
    expect(page.get_by_label("Bars to change")).to_have_value("d")
    press(page, "Connect MIDI")
    page.get_by_label("Play on").select_option("Synthesizer")
    page.evaluate("() => { for (const state of [144, 128]) input.onmidimessage({ data: [state, 67, 80] }); }")
    expect(notes).to_have_value(re.compile(r"^C4:[\d.]+ E4:[\d.]+ G4:[\d.]+$"))
    assert [144, 67, 80] in page.evaluate("() => sent")
    notes.fill("C4 E4:0.5 G4:0.5 C5:2")
    press(page, "Begin with them")
    expect_sound(page)
    pitches = page.locator(".studio-roll:visible .note title").all_text_contents()
    assert [pitch[0] for pitch in pitches[:3]] == ["C", "E", "G"]
    notes.fill("/etc/passwd")
    press(page, "Begin with them")
    expect_status(page, "nor a note")


def test_a_take_is_played_on_a_midi_port_and_dragged_out(visit):
    page = visit("Song", script=MIDI_PORTS)
    page.get_by_role("button", name="Play this tune").click()
    expect_sound(page)
    press(page, "Connect MIDI")
    page.get_by_label("Play on").select_option("Synthesizer")
    page.wait_for_function("() => sent.some(([state]) => state === 0x99)")  # drums
    heard = page.evaluate("() => sent.filter(([state]) => state >> 4 === 9).length")
    assert page.evaluate("() => sent.filter(([state]) => state === 0xc0).length") == 1  # a program
    page.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(600)
    assert page.evaluate("() => sent.filter(([state]) => state >> 4 === 9).length") <= heard + 8
    assert page.evaluate("() => sent.some(([state, number]) => state === 0xb9 && number === 123)")
    dragged = page.evaluate(
        """() => {
            const event = new DragEvent("dragstart", { dataTransfer: new DataTransfer() });
            document.querySelector(".studio-shelf a[download]").dispatchEvent(event);
            return event.dataTransfer.getData("DownloadURL");
        }"""
    )
    kind, name, address = dragged.split(":", 2)
    assert (kind, name[-4:]) == ("audio/midi", ".mid")
    assert page.request.get(address).body().startswith(b"MThd")


def test_the_page_speaks_german_where_the_browser_does_until_another_language_is_chosen(visit):
    page = visit("Melodie", locale="de-AT")
    assert page.url.endswith("/de")
    press(page, "Variieren")
    expect_status(page, "erst eine komponieren")
    press(page, "Komponieren")
    expect_sound(page)
    expect_status(page, "16 Takte im 3/4-Takt · G-Dur")
    link = page.locator(".studio-shelf li").first.get_by_role("link", name="Link").get_attribute("href")
    to_tab(page, "Prüfen")
    expect(page.get_by_text("Drop File Here").locator("visible=true")).to_have_count(0)
    page.get_by_role("link", name="English").click()
    to_tab(page, "Melody")
    page.goto(page.url)
    expect(page.get_by_role("tab", name="Melody")).to_be_visible()
    assert page.evaluate("() => document.documentElement.lang") == "en"
    page.goto("about:blank")
    page.goto(link)  # of others, in their language
    expect_status(page, "bars of 3/4 · G major")


def test_a_beat_repeats_changes_is_edited_and_transferred(visit, tmp_path):
    page = visit("Drums")
    for style in ("Rock", "Jazz", "Hip-hop", "Electronic", "Latin"):
        expect(page.get_by_label(f"range slider for {style}")).to_be_visible()
    press(page, "New beat")
    heard = expect_sound(page)
    assert page.evaluate("() => studio.transport.take.loop")
    expect_status(page, "2 bars")
    seed = re.search(r"seed \d+", status(page).inner_text())[0]
    pressed = page.locator(".studio-grid .cell[aria-pressed=true]")
    hits = pressed.count()
    page.locator(".studio-grid .cell[aria-pressed=false]").first.click()
    heard = expect_sound(page, heard)
    expect(pressed).to_have_count(hits + 1)
    page.get_by_label("lock kick").click()
    heard = expect_sound(page, heard)
    press(page, "Change it")  # with unmoved sliders
    heard = expect_sound(page, heard)
    expect_status(page, seed)
    page.locator(".studio-pad").focus()
    page.keyboard.press("ArrowRight")
    heard = expect_sound(page, heard)
    expect(page.get_by_label("number input for Jazz")).to_have_value("0.1")
    assert download(page, "MIDI").startswith(b"MThd")
    page.get_by_label("drummers").check()
    expect(page.get_by_label("range slider for Latin")).to_be_hidden()
    unfold(page, "Play my beat in these styles")
    upload(page, "beat", beat_file(tmp_path / "beat.mid"))
    tempo = page.get_by_label("number input for Tempo").locator("visible=true")
    expect(tempo).to_have_value("100")
    page.get_by_label("number input for Keep").fill("1")
    press(page, "Transfer")
    expect_status(page, "24 of 24 hits stayed")
    expect_sound(page, heard)


@pytest.mark.parametrize(("size", "bars"), [(DESK, 8), (PHONE, 8), (DESK, 2)])
def test_all_bars_of_a_beat_are_seen_with_their_beats(visit, size, bars):
    page = visit("Drums", size)
    page.get_by_label("number input for Bars").locator("visible=true").fill(str(bars))
    press(page, "New beat")
    expect(page.locator(".studio-grid .bar")).to_have_count(bars)
    grid = page.locator(".studio-grid").bounding_box()
    boxes = [bar.bounding_box() for bar in page.locator(".studio-grid .bar").all()]
    for box in boxes:
        assert grid["x"] <= box["x"]
        assert box["x"] + box["width"] <= grid["x"] + grid["width"]
    assert page.locator(".studio-grid .bar").first.locator(".beats").inner_text().split() == ["1", "2", "3", "4"]
    if bars == 2:
        assert sum(box["width"] for box in boxes) > 0.8 * grid["width"]


def test_a_style_is_chosen_and_its_typeface_sets_what_is_typed(visit):
    page = visit("Letters")
    sheet = page.locator(".studio-letters .large")
    expect(sheet).to_have_text("Hello World")
    assert download(page, "WOFF2").startswith(b"wOF2")
    page.locator("[data-style]:visible").nth(7).click()
    expect_status(page, "style 7")
    expect(page.locator("[data-style='7']:visible")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Text", exact=True).locator("visible=true").fill("Größe 日")
    expect(sheet).to_have_text("Größe")
    expect_status(page, "left out: 日")
    assert page.evaluate(
        "() => document.fonts.ready.then((fonts) => [...fonts].some((font) => font.status === 'loaded'))"
    )
    family = sheet.evaluate("(line) => getComputedStyle(line).fontFamily")
    press(page, "Redraw it")
    expect(sheet).not_to_have_css("font-family", family)
    press(page, "Undo")
    expect(sheet).to_have_css("font-family", family)
    press(page, "Other styles")
    expect(page.locator("[data-style='24']:visible")).to_have_count(1)
    assert download(page, "TTF").startswith(b"\x00\x01\x00\x00")
    page.get_by_label("Text", exact=True).locator("visible=true").fill("日")
    expect_status(page, "nothing to set")
    expect(sheet).to_have_count(0)


def test_sounds_are_sampled_reconstructed_and_morphed(visit, tmp_path):
    page = visit("Sound")
    press(page, "Sample")
    first = expect_sound(page)
    expect_status(page, "4 × piano")
    expect(page.locator("img.studio-plot.on-light")).to_be_visible()
    expect(page.locator("img.studio-plot.on-dark")).to_be_hidden()
    upload(page, "mine", sound_file(tmp_path / "Flöte.wav"))
    press(page, "Reconstruct")
    expect_status(page, "1.0 seconds, encoded and decoded")
    expect_sound(page, first)
    unfold(page, "Morph to another sound")
    upload(page, "other", sound_file(tmp_path / "other.wav", hertz=330))
    press(page, "Interpolate")
    expect_status(page, "5 steps")
    assert download(page, "WAV").startswith(b"RIFF")


def test_pictures_follow_the_dark(visit):
    page = visit("Sound", color_scheme="dark")
    press(page, "Sample")
    expect(page.locator("img.studio-plot.on-dark")).to_be_visible()
    expect(page.locator("img.studio-plot.on-light")).to_be_hidden()
    to_tab(page, "Melody")
    press(page, "Compose")
    staff = page.locator(".studio-paper .sheet g.staff path").first
    staff.wait_for(state="attached")
    assert staff.evaluate("(line) => getComputedStyle(line).stroke") == "rgb(0, 0, 0)", "the whole score is inverted"


def test_files_are_compared_with_references_and_cancelled(visit, tmp_path):
    page = visit("Judge")
    page.get_by_label("drum bars by rule").check()
    upload(page, "generated", [beat_file(tmp_path / f"{number}.mid", bars=number + 1) for number in range(3)])
    press(page, "Judge")
    expect_status(page, "told apart|not tested")
    expect(page.locator(".studio-verdict li")).to_have_count(3)
    assert page.locator(".studio-report:visible").count() == 0, "the verdict is not printed twice"
    page.get_by_text("the whole report").click()
    expect(page.frame_locator(".studio-report").locator("h1")).to_be_visible()
    assert json.loads(download(page, "JSON"))["program"] == "evaluation.report"
    press(page, "Judge")
    page.get_by_role("button", name="Cancel", exact=True).locator("visible=true").click()
    expect_status(page, "cancelled")
    expect(page.locator(".studio-verdict li")).to_have_count(3)
    press(page, "Judge my kept takes")
    expect_status(page, "keep some first")
    to_tab(page, "Drums")
    press(page, "New beat")
    expect_sound(page)
    page.locator(".studio-shelf li").first.get_by_role("button", name="Keep").click()
    to_tab(page, "Judge")
    press(page, "Judge my kept takes")
    expect_status(page, "told apart|not tested")


DROP = """(field) => {
    const entries = (found) => ({ readEntries: (done) => done(found.splice(0)) });
    const file = (name) => ({ isFile: true, file: (done) => done(new File(["MThd"], name)) });
    const inner = { isDirectory: true, createReader: () => entries([file("b.mid"), file("cover.jpg")]) };
    const folder = { isDirectory: true, createReader: () => entries([file("a.MID"), inner]) };
    const event = new Event("drop", { bubbles: true, cancelable: true });
    event.dataTransfer = { items: [{ webkitGetAsEntry: () => folder }] };
    field.firstElementChild.dispatchEvent(event);
}"""


def test_folders_are_dropped_and_chosen(visit, tmp_path):
    page = visit("Judge")
    field = page.locator("#studio-generated")
    field.evaluate(DROP)
    expect(field.get_by_label(re.compile("Remove"))).to_have_count(2)
    field.get_by_label("Clear").first.click()
    folder = tmp_path / "tunes" / "more"
    folder.mkdir(parents=True)
    tune_file(folder / "a.mid")
    tune_file(folder.parent / "b.mid")
    (folder / "readme.txt").write_text("hello", encoding="utf-8")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").locator("visible=true").press("Enter")
    chooser.value.set_files(folder.parent)
    expect(field.get_by_label(re.compile("Remove"))).to_have_count(2)


def learned(page, name, **values):
    """Set the sliders of a lesson; return the numbers of its result."""
    lesson = page.locator(f"[data-lesson={name}]")
    for key, value in values.items():
        lesson.locator(f"[name={key}]").fill(str(value))
    wanted = json.dumps(values)[1:-1].replace(" ", "")
    page.wait_for_function(f"() => document.querySelector('[data-lesson={name}]').dataset.done?.includes('{wanted}')")
    return [float(number) for number in re.findall(r"[\d.]+", lesson.locator(".result").inner_text())]


def test_models_collapse_and_recover_by_sliders(visit):
    page = visit("Learn")
    assert learned(page, "modes", speed=-4, ahead=1)[0] <= 2
    assert learned(page, "modes", speed=0, ahead=1)[0] == 8
    used, cost = {}, {}
    for price in (1, 4):
        page.locator("[data-lesson=posterior]").scroll_into_view_if_needed()
        _, used[price], _, cost[price] = learned(page, "posterior", price=price, latents=4)
    assert used[1] > used[4] + 1
    assert cost[4] < 1.2 * cost[1], "the loss hides the collapse"
    page.locator("[data-lesson=codebook]").scroll_into_view_if_needed()
    plain, _ = learned(page, "codebook", codes=64, growth=3)
    assert plain < 20
    page.get_by_label("move unused codes").check()
    page.wait_for_function("() => document.querySelector('[data-lesson=codebook]').dataset.done?.includes('true')")
    moved = re.search(r"\d+", page.locator("[data-lesson=codebook] .result").inner_text())[0]
    assert float(moved) > 2 * plain


def test_bad_files_are_messages_in_their_tab_and_the_next_one_is_used(visit, tmp_path):
    page = visit("Melody")
    bad, bomb, large = (tmp_path / name for name in ("bad.mid", "bomb.zip", "large.zip"))
    bad.write_bytes(b"no MIDI at all")
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("../<img src='http://example.org/x'>.mid", b"MThd")
    large.write_bytes(bytes(33_000_000))
    unfold(page, "Continue my MIDI")
    upload(page, "tune", bad)
    expect_status(page, "no usable tune in bad.mid")
    press(page, "Continue it")
    expect_status(page, "no usable tune in bad.mid")
    assert page.locator(".toast-body").count() == 0
    page.locator("#studio-tune").get_by_label(re.compile("Clear|Remove")).first.click()
    upload(page, "tune", tune_file(tmp_path / "Mein Stück.mid", (62, 64, 66, 67, 69, 71, 73, 74), fifths=2))
    expect(page.get_by_label("Key")).to_have_value("D major")
    expect(page.get_by_label("Metre")).to_have_value("4/4")
    press(page, "Continue it")
    expect_status(page, "bars of 4/4 · D major")
    expect_sound(page)
    to_tab(page, "Judge")
    expect(page.get_by_text("no usable tune").locator("visible=true")).to_have_count(0)
    upload(page, "generated", bomb)
    press(page, "Judge")
    expect_status(page, "bomb.zip holds ../<img src='http://example.org/x'>.mid, a path outside the archive")
    page.locator("#studio-generated").get_by_label(re.compile("Clear|Remove")).first.click()
    page.locator("#studio-generated input[type=file]").set_input_files(large)
    expect(page.get_by_text(re.compile("[Ee]xceeds|too large|[Mm]aximum")).first).to_be_visible()


FOCUSED = """() => {
    const at = document.activeElement;
    return (at.getAttribute("aria-label") || at.innerText || at.labels?.[0]?.innerText || at.type || "").trim();
}"""


def stops(page, most=120):
    """Press the tabulator again and again; yield the names that are read aloud on the way."""
    for _ in range(most):
        page.keyboard.press("Tab")
        yield page.evaluate(FOCUSED)


def reach(page, name, key="Enter"):
    """Press the tabulator until something of a name has the focus, then a key."""
    assert name in stops(page)
    page.keyboard.press(key)


def test_the_keyboard_reaches_all_and_composes(visit):
    page = visit("Melody")
    expect(page.get_by_role("button", name="Compose", exact=True)).to_be_visible()
    passed = list(stops(page, 90))
    wanted = ["Drums", "Judge", "Key", "Metre", "number input for Bars", "range slider for Tempo", "Instrument"]
    places = [passed.index(name) for name in [*wanted, "Compose", "Vary this"]]
    assert places == sorted(places)
    page.get_by_role("button", name="Compose", exact=True).focus()
    page.keyboard.press("Enter")
    expect_sound(page)
    expect_ready(page, "MIDI")
    passed = list(stops(page, 90))
    assert {"Pause", "Stop", "WAV", "MIDI", "PNG", "bar 5", "Keep", "Position"} <= set(passed)
    assert any(stop.startswith("piano roll of") for stop in passed)
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    assert not page.evaluate("() => studio.transport.playing")
    to_tab(page, "Drums")
    press(page, "New beat")
    expect_sound(page)
    page.locator(".studio-grid .cell[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(FOCUSED) == "snare, bar 1, beat 1 plus 1"
    page.get_by_role("tab", name="Letters").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="style 3", exact=True).focus()
    page.keyboard.press("Enter")
    expect_status(page, "^style 3$")


# The buttons of the tabs that make something, and its last file.
MAKERS = {
    "Judge": None, "Learn": None, "Song": ("New tune", "MIDI"), "Melody": ("Compose", "PNG"),
    "Drums": ("New beat", "PNG"), "Letters": ("Redraw it", "PNG"), "Sound": ("Sample", "PNG"),
}  # fmt: skip


@pytest.mark.parametrize("tab", MAKERS)
def test_the_page_fits_on_a_phone_and_goes_to_the_result(visit, tab):
    page = visit(tab, PHONE)
    if MAKERS[tab]:
        make, made = MAKERS[tab]
        press(page, make)
        expect_ready(page, made)
        expect(status(page)).to_be_in_viewport()
        picture = page.locator(".studio-take > *, .studio-letters").locator("visible=true").first
        expect(picture).to_be_in_viewport(ratio=0.3)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """Fetch axe-core, which finds faults of accessibility, from npm's registry."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    command = [npm, "pack", "axe-core@4"]
    if not npm or subprocess.run(command, check=False, cwd=folder, capture_output=True, timeout=60).returncode:
        pytest.skip("npm's registry is not reachable")
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


FAULTS = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`)"""


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (PHONE, "light"), (DESK, "dark")])
def test_no_tab_has_a_serious_fault_of_accessibility(visit, axe, size, theme):
    page = visit("Song", size)
    page.goto(f"{page.url}?__theme={theme}")
    page.evaluate(axe)
    faults = {}
    for tab, made in MAKERS.items():
        to_tab(page, tab)
        if made:
            press(page, made[0])
            expect(page.locator(".studio-take > *, .studio-letters").locator("visible=true").first).to_be_visible()
            page.wait_for_function("() => !document.querySelector('.pending, .generating')")
        while (folded := page.locator("button.label-wrap:not(.open)").locator("visible=true")).count():
            folded.first.click()
        page.wait_for_timeout(500)  # folds open slowly
        if found := page.evaluate(FAULTS):
            faults[tab] = found
    assert not faults


def test_a_journey_by_keyboard_alone(visit):
    page = visit("Song")
    page.keyboard.press("Home")
    reach(page, "Play this tune")
    expect_sound(page)
    reach(page, "Keep")
    kept = page.locator(".studio-shelf span.kept")
    expect(kept).to_have_count(1)
    reach(page, "New tune")
    page.wait_for_function("() => studio.transport.take.values.seed !== '2'")
    reach(page, "Chords", "Space")
    page.wait_for_function("() => studio.transport.take.values.parts.includes('chords')")
    reach(page, "Keep")
    expect(kept).to_have_count(2)
    with page.expect_download() as started:
        reach(page, "Download all I kept")
    with zipfile.ZipFile(started.value.path()) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        score = symusic.Score.from_midi(archive.read(names[-1]))
    assert [name[-4:] for name in names] == [".wav", ".mid"] * 2
    assert [track.is_drum for track in score.tracks] == [False, True, False]
    assert [tempo.qpm for tempo in score.tempos] == pytest.approx([100], abs=0.01)
    assert (score.time_signatures[-1].numerator, score.key_signatures[0].key) == (3, 1)
    page.reload()
    expect(kept).to_have_count(2)
    page.locator(".studio-shelf li", has=page.locator("span.kept")).first.get_by_role("button", name="Play").click()
    expect_sound(page)
