/* Melodies in notation and as MIDI files: manymodes/music/score.py and manymodes/music/midi.py. Names are those of the Python code. */

const STEPS_PER_QUARTER = 4, TICKS_PER_QUARTER = 480, TICKS_A_STEP = TICKS_PER_QUARTER / STEPS_PER_QUARTER;
const FIFTHS = "FCGDAEB", OF_MINOR = 3, FLATTEST = { major: -3, minor: -2 };
const MIDDLES = { "4/4": 8, "6/8": 6, "6/4": 12 };
const WRITABLE = new Set([1, 2, 3, 4, 6, 8, 12, 16, 24]);
const BARS_A_LINE = 4, OCTAVE = 12;
const ACCIDENTALS = { "-2": "__", "-1": "_", 0: "=", 1: "^", 2: "^^" };

const modulo = (number, divisor) => ((number % divisor) + divisor) % divisor;

/** Return the sixteenths of a bar. */
export const barOf = ({ meter }) => {
  const [beats, unit] = meter.split("/").map(Number);
  return beats * 4 * STEPS_PER_QUARTER / unit;
};

/** Return the sharps of a key, -5 (flats) to 6, from the pitch class of its tonic and its mode. */
export const signature = (tonic, mode) => modulo(7 * (tonic + (mode === "minor" ? OF_MINOR : 0)) + 5, OCTAVE) - 5;

function spelled(pitch, { fifths, mode }) {
  const flattest = fifths + FLATTEST[mode], place = flattest + modulo(7 * pitch - flattest, OCTAVE) + 1;
  const alter = Math.floor(place / FIFTHS.length);
  return { letter: FIFTHS[modulo(place, FIFTHS.length)], alter, octave: Math.floor((pitch - alter) / OCTAVE) - 1 };
}

/** Divide the notes of a score into bars, and within bars into note values that are easy to read. */
export function barsOf(score) {
  const bars = [], bar = barOf(score);
  let place = modulo(-score.upbeat, bar);
  for (const { pitch, steps } of rounded(score)) {
    for (const [begin, length] of pieces(place % bar, steps, score, pitch === null)) {
      if (begin === 0 || !bars.length) bars.push([]);
      bars.at(-1).push({ place: begin, pitch, steps: length, tied: pitch !== null });
    }
    bars.at(-1).at(-1).tied = false;
    place += steps;
  }
  return bars;
}

function rounded(score) {
  const notes = [], bar = barOf(score);
  for (const { pitch, steps } of score.notes) {
    if (pitch === null && notes.at(-1)?.pitch === null) notes.push({ pitch, steps: steps + notes.pop().steps });
    else notes.push({ pitch, steps });
  }
  if (notes.at(-1)?.pitch === null) notes.pop();
  if (!notes.length) return [{ pitch: null, steps: bar }];
  const left = modulo(score.upbeat - notes.reduce((total, { steps }) => total + steps, 0), bar);
  const missing = left >= score.upbeat ? left - score.upbeat : left;
  return missing ? [...notes, { pitch: null, steps: missing }] : notes;
}

function pieces(place, steps, score, rest) {
  const whole = [], open = [[place, steps]], bar = barOf(score);
  while (open.length) {
    const [begin, length] = open.pop(), at = cut(begin, length, score, rest);
    if (at) open.push([at % bar, begin + length - at], [begin, at - begin]);
    else whole.push([begin, length]);
  }
  return whole;
}

function cut(place, steps, score, rest) {
  const end = place + steps, bar = barOf(score), middle = MIDDLES[score.meter] ?? 0;
  if (end > bar) return bar;
  if (steps === bar && (rest || WRITABLE.has(steps))) return 0;
  let whole;
  if (rest) {
    const ofThree = score.meter.endsWith("/8") ? place % 6 : place;
    whole = ((steps & (steps - 1)) === 0 || steps === middle) && ofThree % steps === 0;
  } else {
    const onTheEighths = place % 2 === 0 && steps % 2 === 0;
    whole = WRITABLE.has(steps) && (onTheEighths || end <= place - place % STEPS_PER_QUARTER + STEPS_PER_QUARTER);
  }
  const onABeat = score.meter === "4/4" && place % STEPS_PER_QUARTER === 0;
  if (place < middle && middle < end && !(whole && onABeat)) return middle;
  if (whole) return 0;
  let best = place + 1;
  for (let between = place + 1; between < end; between += 1) if ((between & -between) > (best & -best)) best = between;
  return best;
}

/** Write a score as ABC 2.1. */
export function abc(score) {
  const place = score.fifths + (score.mode === "minor" ? OF_MINOR : 0) + 1, sharps = Math.floor(place / FIFTHS.length);
  const key = FIFTHS[modulo(place, FIFTHS.length)] + (sharps > 0 ? "#" : "b").repeat(Math.abs(sharps)) + (score.mode === "minor" ? "m" : "");
  const head = ["%abc-2.1", "X:1", `T:${score.title}`, `M:${score.meter}`, "L:1/16"];
  head.push(`Q:1/4=${score.tempo}`, `%%MIDI program ${score.program}`, `K:${key}`);
  const bars = barsOf(score).map((values) => abcBar(values, score));
  if (score.upbeat && bars.length > 1) bars.splice(0, 2, `${bars[0]} | ${bars[1]}`);
  const lines = [];
  for (let begin = 0; begin < bars.length; begin += BARS_A_LINE) lines.push(bars.slice(begin, begin + BARS_A_LINE).join(" | "));
  return [...head, `${lines.join(" |\n")} |]`, ""].join("\n");
}

function abcBar(values, score) {
  const beat = score.meter.endsWith("/8") ? 6 : STEPS_PER_QUARTER, ofOctave = {};
  const ofKey = Object.fromEntries([...FIFTHS].map((letter, place) => [letter, Math.floor((score.fifths - place + 6) / 7)]));
  const ofLetter = { ...ofKey };
  let text = "";
  for (const value of values) {
    if (text && value.place % beat === 0) text += " ";
    if (value.pitch === null) text += "z";
    else {
      const { letter, alter, octave } = spelled(value.pitch, score), name = letter + octave;
      const agree = ofLetter[letter] === alter && (ofOctave[name] ?? ofKey[letter]) === alter;
      text += agree && Math.abs(alter) < 2 ? "" : ACCIDENTALS[alter];
      ofLetter[letter] = ofOctave[name] = alter;
      text += octave >= 5 ? letter.toLowerCase() + "'".repeat(octave - 5) : letter + ",".repeat(4 - octave);
    }
    text += (value.steps > 1 ? value.steps : "") + (value.tied ? "-" : "");
  }
  return text;
}

/** Return the seconds at which written notes begin, ties' second halves too, in the order in which they are drawn. */
export function onsetsOf(score) {
  const onsets = [], second = 60 / score.tempo / STEPS_PER_QUARTER;
  let place = 0;
  for (const { pitch, steps } of barsOf(score).flat()) {
    if (pitch !== null) onsets.push(place * second);
    place += steps;
  }
  return onsets;
}

// --- MIDI -----------------------------------------------------------------------------------------------------------------

/** Return how hard a note is struck, so many sixteenths after a bar line. */
export function velocity(place, meter) {
  const [beats, unit] = meter.split("/").map(Number);
  const beat = unit === 8 && beats % 3 === 0 ? 6 : 4 * STEPS_PER_QUARTER / unit;
  if (place % barOf({ meter }) === 0) return 96;
  return place % beat === 0 ? 88 : 80;
}

const meta = (kind, ...content) => [0xff, kind, content.length, ...content];
const text = (kind, words) => meta(kind, ...Array.from(words, (letter) => (letter.charCodeAt(0) < 256 ? letter.charCodeAt(0) : 63)));
const timeSignature = (beats, unit) => meta(0x58, beats, Math.log2(unit), 24, 8);
const bytes32 = (number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255);
const setTempo = (bpm) => meta(0x51, ...bytes32(Math.round(6e7 / bpm)).slice(1));

/** Return a type 0 MIDI file of events, [tick, bytes], in time; equal status bytes are written once. */
function midiFile(events) {
  const track = [];
  let [last, status] = [0, 0];
  for (const [tick, event] of events) {
    const groups = [(tick - last) & 127];
    for (let rest = (tick - last) >>> 7; rest; rest >>>= 7) groups.unshift((rest & 127) | 128);
    track.push(...groups, ...(event[0] === status ? event.slice(1) : event));
    status = event[0] < 0xf0 ? event[0] : 0;
    last = tick;
  }
  const head = [..."MThd"].map((letter) => letter.charCodeAt(0)).concat(bytes32(6), 0, 0, 0, 1, TICKS_PER_QUARTER >> 8, TICKS_PER_QUARTER & 255);
  return Uint8Array.from([...head, ...[..."MTrk"].map((letter) => letter.charCodeAt(0)), ...bytes32(track.length), ...track]);
}

/** Write a score as a MIDI file: title, metre, upbeat, key, tempo, program and notes. */
export function melodyMidi(score) {
  const events = [[0, text(3, score.title)]];
  const [beats, unit] = score.meter.split("/").map(Number);
  if (score.upbeat) {
    const part = Math.max(unit, [4, 8, 16].find((size) => score.upbeat % (16 / size) === 0));
    events.push([0, timeSignature(score.upbeat * part / 16, part)]);
  }
  events.push([score.upbeat * TICKS_A_STEP, timeSignature(beats, unit)]);
  events.push([0, meta(0x59, score.fifths & 255, Number(score.mode === "minor"))], [0, setTempo(score.tempo)], [0, [0xc0, score.program]]);
  let step = 0;
  for (const { pitch, steps } of score.notes) {
    if (pitch !== null) {
      events.push([step * TICKS_A_STEP, [0x90, pitch, velocity(modulo(step - score.upbeat, barOf(score)), score.meter)]]);
      events.push([(step + steps) * TICKS_A_STEP, [0x80, pitch, 0]]);
    }
    step += steps;
  }
  events.push([step * TICKS_A_STEP, meta(0x2f)]);
  const starts = ([, event]) => Number(event[0] === 0x90);
  return midiFile(events.sort((one, other) => one[0] - other[0] || starts(one) - starts(other)));
}

/** Write a beat as drumvae.data.midi_grooves.write_beat does; hits are { tick, note, velocity } in MIDI's numbers. */
export function beatMidi({ hits, bars, tempo }) {
  const events = [[0, 0, text(3, "drums")], [0, 0, timeSignature(4, 4)], [0, 0, setTempo(tempo)]];
  const half = TICKS_A_STEP / 2;
  for (const [number, { tick, note, velocity: loud }] of hits.entries()) {
    const again = hits[number + 1]?.note === note ? hits[number + 1].tick : Infinity;
    events.push([tick, 2, [0x99, note, loud]], [Math.min(tick + half, again), 1, [0x89, note, 0]]);
  }
  events.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const end = Math.max(bars * 16 * TICKS_A_STEP, events.at(-1)[0]);
  return midiFile([...events, [end, 3, meta(0x2f)]].map(([tick, , event]) => [tick, event]));
}
