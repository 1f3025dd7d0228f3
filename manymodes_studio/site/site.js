/* The page: controls, results and downloads. Takes, transport and the clicks in a grid are studio.js's, which it shares with the studio. */

import { compose, lengthOf, PortableLSTM } from "./composer.js";
import { PortableDrumVAE } from "./drums.js";
import { alphabet, LETTERS, set } from "./letters.js";
import facts from "./models/facts.js";
import { Graphs } from "./models.js";
import { abc, barOf, beatMidi, melodyMidi, onsetsOf, signature, velocity } from "./score.js";
import { beatSound, melodySound, wav } from "./sound.js";

window.studioWords = facts.words;

const PHONE_PX = 480, LINE = { phone: 8, desk: 14 };
const SHARP = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", follow);
follow();

const once = (load) => {
  let loading;
  return () => (loading ??= load());
};
export const models = {
  melody: once(async () => new PortableLSTM(await Graphs.load("melody", ["step", "discriminator"]), facts.melody)),
  drums: once(async () => new PortableDrumVAE(await Graphs.load("drums", ["decode", "low_given", "play"]), facts.drums)),
  letters: once(() => Graphs.load("letters", ["generator"])),
};

/** Return what a key's name, its pitch class and its mode, means: { shift, fifths, mode, name }; null for none. */
export function keyOf(value) {
  if (!value) return null;
  const [tonic, mode] = value.split(" "), home = facts.melody.TONICS[mode];
  return { shift: (Number(tonic) - home + 18) % 12 - 6, fifths: signature(Number(tonic), mode), mode, name: `${SHARP[tonic]} ${mode}` };
}

// --- what is made ---------------------------------------------------------------------------------------------------------

const address = (content, type) => URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));

/** Return the section of a take, as studio.js knows them, with links to its files. */
function take({ title, tab, values, sound, midi, inner, files = {}, ...more }) {
  const element = document.createElement("section");
  element.className = "studio-take";
  element.innerHTML = inner;
  const audio = address(wav(sound)), notes = address(midi, "audio/midi"), links = document.createElement("p");
  links.className = "downloads";
  for (const [suffix, href] of Object.entries({ mid: notes, wav: audio, ...files })) {
    links.append(Object.assign(document.createElement("a"), { href, download: `${title}.${suffix}`, textContent: suffix === "mid" ? "MIDI" : suffix.toUpperCase() }));
  }
  element.append(links);
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  element.dataset.take = JSON.stringify({ id, title, tab, values, audio, midi: notes, ...more });
  return element;
}

async function melody(values, more) {
  const { meter, bars, tempo, seed } = values, title = `tune-${seed}`;
  const key = keyOf(values.key), asked = { key, title, tempo: Number(tempo), seed: Number(seed), meter: meter || null, bars: Number(bars) || null };
  const score = await compose(await models.melody(), asked);
  let place = -score.upbeat;
  const loud = score.notes.map(({ steps }) => velocity((place += steps) - steps < 0 ? place - steps + barOf(score) : place - steps, score.meter));
  const sheet = document.createElement("div");
  sheet.className = "sheet";
  const narrow = innerWidth <= PHONE_PX;
  ABCJS.renderAbc(sheet, abc(score).replace(/^T:.*\n/m, ""), {
    add_classes: true, responsive: "resize", staffwidth: narrow ? 340 : 1050, paddingtop: 0, paddingbottom: 0, paddingleft: 0, paddingright: 0,
    format: { staffsep: 40, tempofont: "sans-serif 12" }, ...(narrow && { wrap: { minSpacing: 1, maxSpacing: 2, preferredMeasuresPerLine: 2 } }),
  });
  sheet.querySelectorAll("g.abcjs-note").forEach((note) => note.classList.add("note"));
  const svg = new XMLSerializer().serializeToString(sheet.querySelector("svg"));
  const inner = `<div class="studio-paper" role="img" aria-label="score" data-onsets="${JSON.stringify(onsetsOf(score))}">${sheet.outerHTML}</div>`;
  const sound = await melodySound(score, loud);
  const element = take({ title, tab: "melody", values, sound, midi: melodyMidi(score), inner, files: { svg: address(svg, "image/svg+xml") }, ...more });
  const named = key ? key.name : `${score.mode === "minor" ? "A" : "C"} ${score.mode}`;
  return [element, `${Math.ceil((lengthOf(score.notes) - score.upbeat) / barOf(score))} bars of ${score.meter} in ${named}, seed ${seed}`];
}

let beat = null;  // the one in the grid
const takeOf = (element) => JSON.parse(element.dataset.take).id;

async function drums(values, more) {
  const model = await models.drums(), { style, seed } = values;
  const numbers = Object.fromEntries(["bars", "tempo", "complexity", "humanize", "seed"].map((name) => [name, Number(values[name])]));
  const made = { ...await model.beat({ style, ...numbers }), title: `${style}-${seed}`, values };
  const element = await shownBeat(model, made, more);
  if (!more) beat = { ...made, take: takeOf(element) };
  return [element, `${made.bars} bars of ${style}, seed ${seed}. Click into the grid to add and remove hits.`];
}

async function shownBeat(model, made, more) {
  const hits = model.midiHits(made), sound = await beatSound(hits, model.INSTRUMENTS, made);
  return take({ ...made, tab: "drums", sound, midi: beatMidi({ ...made, hits }), inner: drumGrid(model, made), loop: true, ...more });
}

/** Draw a beat as manymodes_studio/pictures.py does: a block of buttons a bar, cymbals above drums. */
function drumGrid(model, { hits, velocities, bars, tempo }) {
  const length = 240 / tempo, count = model.INSTRUMENTS.length;
  const row = (bar, number) => {
    const name = model.INSTRUMENTS[number].replace("_", " ");
    const cells = Array.from({ length: 16 }, (_, step) => {
      const place = (bar * 16 + step) * count + number, [quarter, part] = [Math.floor(step / 4), step % 4];
      const loud = hits[place] ? ` style="--loud:${(0.35 + 0.65 * velocities[place]).toFixed(2)}"` : "";
      return `<button class="cell${part ? "" : " beat"}" data-at="${bar},${step},${number}"${loud} tabindex="${bar + step + number ? -1 : 0}" `
        + `aria-pressed="${Boolean(hits[place])}" aria-label="${name}, bar ${bar + 1}, beat ${quarter + 1}${part ? ` plus ${part}` : ""}"></button>`;
    });
    return `<div class="row" data-row="${number}"><span class="name">${name}</span><div class="cells">${cells.join("")}</div></div>`;
  };
  const blocks = Array.from({ length: bars }, (_, bar) => `<div class="bar"><div class="head"><b>${bar + 1}</b>`
    + `<div class="timeline steps" data-from="${bar * length}" data-to="${(bar + 1) * length}"><div class="beats" aria-hidden="true">`
    + `<span>1</span><span>2</span><span>3</span><span>4</span></div><div class="playhead" hidden></div></div></div>`
    + `${Array.from({ length: count }, (__, number) => row(bar, count - 1 - number)).join("")}</div>`);
  return `<div class="studio-grid" role="group" aria-label="drum grid of ${bars} bars">${blocks.join("")}</div>`;
}

async function toggleHit({ at: [bar, step, instrument], on }) {
  if (!beat) return;
  const model = await models.drums(), place = (bar * 16 + step) * model.INSTRUMENTS.length + instrument;
  beat.hits[place] = Number(on);
  if (on) [beat.velocities[place], beat.offsets[place]] = [0.8, 0];
  const number = latest.hit = (latest.hit ?? 0) + 1;
  const element = await shownBeat(model, beat, { values: null, follows: beat.take });
  if (number !== latest.hit) return;
  beat.take = takeOf(element);
  const focused = document.activeElement?.dataset?.at;
  document.querySelector("#drums .result").replaceChildren(element);
  element.querySelector(`[data-at="${focused}"]`)?.focus();
}

const alphabets = new Map();

async function letters({ text, seed }) {
  if (!alphabets.has(seed)) alphabets.set(seed, await alphabet(await models.letters(), Number(seed)));
  const kept = text.toUpperCase().replace("Ä", "AE").replace("Ö", "OE").replace("Ü", "UE").replace("ß", "SS"), lines = [""];
  const typed = Array.from(kept, (letter) => (LETTERS.includes(letter) ? letter : " ")).join("");
  for (const word of typed.split(" ").filter(Boolean)) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= LINE[innerWidth <= PHONE_PX ? "phone" : "desk"]) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  const element = document.createElement("div"), svg = set(alphabets.get(seed), lines);
  if (svg === null) return [element, "Type a word in the letters A to Z."];
  element.innerHTML = `<div class="studio-letters" role="img" aria-label="${lines.join(" ")}">${svg}</div>`
    + `<p class="downloads"><a href="${address(svg, "image/svg+xml")}" download="letters-${seed}.svg">SVG</a></p>`;
  return [element, `Style ${seed}`];
}

// --- controls ---------------------------------------------------------------------------------------------------------------

const makers = { melody, drums, letters };
const panel = (name) => document.getElementById(name);
const valuesOf = (name) => Object.fromEntries(new FormData(panel(name).querySelector("form")));
const latest = {};

async function make(name, more, quiet = false) {
  const place = panel(name), status = place.querySelector(".status"), form = place.querySelector("form"), number = latest[name] = (latest[name] ?? 0) + 1;
  if (!form.reportValidity()) return;
  status.classList.remove("problem");
  if (number === 1) status.textContent = "Loading the model …";
  try {
    const [element, words] = await makers[name](valuesOf(name), more);
    if (number !== latest[name]) return;
    if (quiet) element.dataset.quiet = "";
    place.querySelector(".result").replaceChildren(element);
    status.textContent = words;
  } catch (error) {
    status.textContent = error.message;
    status.classList.add("problem");
  }
}

async function fourMore(name, values) {
  const shelf = document.createElement("div");
  shelf.hidden = true;
  document.body.append(shelf);
  for (let number = 1; number <= 4; number += 1) {
    const [element] = await makers[name]({ ...values, seed: String(Number(values.seed) + number) }, { more: true });
    shelf.append(element);
  }
}

function restore(name, values) {
  const { elements } = panel(name).querySelector("form");
  for (const [field, value] of Object.entries(values)) if (elements[field]) elements[field].value = value;
  make(name);
}

function open(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.getAttribute("aria-controls") === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    panel(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (!latest[name]) make(name);
}

const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
panel("melody").querySelector("[name=key]").append(...facts.melody.MODES.flatMap((mode) => SHARP.map((_, tonic) => option(`${tonic} ${mode}`, keyOf(`${tonic} ${mode}`).name))));
panel("melody").querySelector("[name=meter]").append(...Object.keys(facts.melody.METERS).map((meter) => option(meter, meter)));
panel("drums").querySelector("[name=style]").append(...facts.drums.STYLES.map((style) => option(style, style)));

for (const name of Object.keys(makers)) {
  const form = panel(name).querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    make(name);
  });
  form.elements.another.addEventListener("click", () => {
    form.elements.seed.value = (Number(form.elements.seed.value) + 1) % 2 ** 31;
    make(name);
  });
}
panel("letters").addEventListener("input", () => make("letters"));
document.addEventListener("input", ({ target }) => {
  const told = target.closest("[id^=studio-]")?.id;
  if (!told || !target.value) return;
  const value = JSON.parse(target.value), [, verb, name] = told.split("-");
  if (verb === "hit") toggleHit(value);
  else if (verb === "restore") restore(name, value.values);
  else if (verb === "more") fourMore(name, value.values);
});
const tabs = document.querySelector("[role=tablist]");
tabs.addEventListener("click", ({ target }) => target.matches("[role=tab]") && open(target.getAttribute("aria-controls")));
tabs.addEventListener("keydown", ({ key, target }) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key], all = [...tabs.children];
  if (!step) return;
  const next = all[(all.indexOf(target) + step + all.length) % all.length];
  next.focus();
  next.click();
});
document.addEventListener("DOMContentLoaded", () => make("melody", {}, true));
