/* How tunes are composed: melodygan/models/composer.py and what it needs of melodygan/data/grid.py and melodygan/composing.py,
   for one tune at a time. Names are those of the Python code, and tests compare the results of both. */

import { Generator } from "./random.js";

const DELIMITER = "/", HOLD = "_", REST = "r";
const KINDS = 4, PLANNED = 1e5;
const OCTAVE = 12, THIRD = 4;
const COLUMNS = 4; // of what a discriminator reads of a note

const modulo = (number, divisor) => ((number % divisor) + divisor) % divisor;
const sum = (values) => values.reduce((total, value) => total + value, 0);

// --- plans ------------------------------------------------------------------------------------------------------------

/** What melodygan.data.grid and melodygan.data.form know of metres; `facts` are their constants, see manymodes_studio/web.py. */
export class Grid {
  constructor(facts) { Object.assign(this, facts); }

  fromRow([meter, mode, lead, cells, ...returns]) {
    const form = { meter: Object.keys(this.METERS)[meter], mode: this.MODES[mode] };
    return { form, lead, cells, returns: returns.slice(0, this.BEATS), rhythm: returns.slice(this.BEATS) };
  }

  /** Return the plans in a metre and a mode, null being any, with that number of bars. */
  plansIn(plans, meter, mode, bars) {
    const like = plans.filter(({ form }) => [null, form.meter].includes(meter) && [null, form.mode].includes(mode));
    if (!like.length) throw new Error(`the model never heard a tune in ${[meter, mode].filter(Boolean).join(" ")}: ask for another metre or mode`);
    if (bars === null) return like;
    const far = (plan) => {
      const size = bars * this.METERS[plan.form.meter];
      return Math.abs(plan.cells - size) + (plan.cells < size ? this.LENGTH : 0);
    };
    const nearest = Math.min(...like.map(far));
    return like.filter((plan) => far(plan) === nearest).map((plan) => ({ ...plan, cells: bars * this.METERS[plan.form.meter] }));
  }

  /** Return the number of a form, from 1. */
  numberOf({ meter, mode }) {
    return 1 + this.FORMS.findIndex(([one, other]) => one === meter && other === mode);
  }

  /** Return for each cell the first one that it comes from, see `layout`. */
  sources(plan, returns) {
    const beat = this.BEAT[plan.form.meter], first = [];
    for (let place = 0; place < this.LENGTH; place += 1) {
      const from = place - returns[Math.floor(place / beat)], inside = place >= plan.lead && place < plan.lead + plan.cells;
      first.push(inside && from >= plan.lead ? first[from] ?? from : place);
    }
    return first;
  }

  /** Write a plan as rows of `STEP_COLUMNS`, one a step. */
  asSteps(plan, steps) {
    const { meter } = plan.form, bar = this.METERS[meter], row = Math.min(bar, this.ROW[meter]);
    const count = Math.max(steps, plan.cells), places = Array.from({ length: count }, (_, place) => place);
    const [source, rhythm] = [plan.returns, plan.rhythm].map((returns) => {
      const known = this.sources(plan, returns).slice(plan.lead).map((cell) => cell - plan.lead);
      return places.map((place) => known[place] ?? place);
    });
    const toEnd = places.map((place) => Math.max(plan.cells - place, 0));
    const nearest = (from) => {
      const near = [...toEnd];
      from.forEach((first, place) => { near[first] = Math.min(near[first], toEnd[place]); });
      return near;
    };
    const [near, rhythmNear] = [nearest(source), nearest(rhythm)];
    const rows = [];
    let following = count + this.UNTIL;
    for (let place = count - 1; place >= 0; place -= 1) {
      const heard = source[Math.min(following, count - 1)], leads = following - place <= this.UNTIL && heard < place;
      rows[place] = [
        this.numberOf(plan.form),
        1 + (plan.lead + place) % row,
        1 + Math.floor((plan.lead + place) / bar) % 4,
        1 + Math.min(Math.ceil(toEnd[place] / bar), this.MOST_LEFT),
        1 + Math.min(near[place], this.NEAR),
        1 + Math.min(rhythmNear[place], this.NEAR),
        leads ? following - place : 0,
        place - source[place],
        place - rhythm[place],
        leads ? place - heard : 0,
      ];
      if (source[place] < place) following = place;
    }
    return rows.slice(0, steps);
  }
}

// --- choosing symbols, see melodygan/models/sampling.py -------------------------------------------------------------------

function drawnSymbol(logits, share) {
  const most = Math.max(...logits);
  let total = 0;
  const reached = logits.map((logit) => { total += Math.exp(logit - most); return total; });
  return reached.filter((upTo) => upTo <= share * total).length;
}

// --- the composer --------------------------------------------------------------------------------------------------------

export class PortableLSTM {
  constructor(graphs, facts) {
    const { vocabulary, units, lookback } = graphs.config;
    Object.assign(this, { units, lookback, graphs, symbols: vocabulary.symbols, grid: new Grid(facts) });
    this.plans = graphs.arrays.plans.map((row) => this.grid.fromRow(row));
  }

  /** Return the logits of the coming symbols and the next states, of tunes of which this is known. */
  nextLogits(known, hidden, carry) {
    const seen = known[0].map((_, part) => Int32Array.from(known.flatMap((of) => of[part])));
    return this.graphs.run("step", ...seen, hidden, carry);
  }

  /** Compose a tune in C major or A minor to the plan of a training tune; null is any metre, mode or number of bars. */
  async compose({ seed, bars = null, meter = null, mode = null, ending = "songs", row = 0, temperature = 1 }) {
    const plan = this.planFor(seed, row, { bars, meter, mode });
    const steps = this.grid.asSteps(plan, plan.cells);
    const close = this.lastPitch(ending, plan.form.mode, seed, row);
    const candidates = (await this.drawn(steps, plan.cells, seed, { row, temperature })).map((written) => this.notes(written));
    const upbeat = modulo(-plan.lead, this.grid.METERS[plan.form.meter]);
    return { notes: await this.chosen(candidates, close, plan, seed, row), ...plan.form, upbeat };
  }

  /** Return one of the candidates that end right, or of all if none does, drawn by their odds of being real. */
  async chosen(candidates, close, plan, seed, row) {
    const last = (notes) => notes.filter(({ pitch }) => pitch !== null).at(-1);
    const closed = candidates.filter((notes) => close === null || (last(notes) && last(notes).pitch % OCTAVE === close));
    const those = closed.length ? closed : candidates, generator = new Generator(seed, 0, row, 2);
    const [odds] = await this.graphs.run("discriminator", Int32Array.from(those.flatMap((notes) => this.asRows(notes, plan))));
    const noisy = Array.from(odds, (logit) => logit - Math.log(-Math.log(generator.random())));
    return those[noisy.indexOf(Math.max(...noisy))];
  }

  /** Write the last notes of a tune as a discriminator reads them, see as_rows in melodygan/models/choosing.py. */
  asRows(notes, plan) {
    const form = this.grid.numberOf(plan.form), size = this.grid.METERS[plan.form.meter];
    let onset = modulo(plan.lead, size);
    const rows = notes.map(({ pitch, steps }) => {
      onset += steps;
      return [pitch ?? 0, steps, onset - steps, form];
    }).slice(-this.grid.NOTES).flat();
    return Object.assign(new Array(this.grid.NOTES * COLUMNS).fill(0), rows);
  }

  planFor(seed, row, { bars, meter, mode }) {
    const known = this.grid.plansIn(this.plans, bars !== null && meter === null ? this.grid.UNKNOWN_METER : meter, mode, bars);
    const generator = new Generator(seed, 1);
    for (let number = 0; number < row; number += 1) generator.integer(known.length);
    return known[generator.integer(known.length)];
  }

  /** Return the pitch class on which a tune is to end, or null, see last_pitches in melodygan/data/form.py. */
  lastPitch(ending, mode, seed, row) {
    if (ending === "free") return null;
    const generator = new Generator(seed, 2), shares = Array.from({ length: row + 1 }, () => generator.random());
    return this.grid.TONICS[mode] + (ending === "songs" && shares[row] < this.grid.ON_THE_THIRD[mode] ? THIRD : 0);
  }

  /** Draw the symbols of the candidates for a tune of a length. */
  async drawn(plan, length, seed, { row, temperature }) {
    const count = this.grid.CANDIDATES, { LONGEST, TEMPERATURE } = this.grid;
    const [delimiter, hold] = [DELIMITER, HOLD].map((symbol) => this.symbols.indexOf(symbol));
    const most = this.grid.RUNS.at(-1), window = Math.max(this.grid.LENGTH, ...this.lookback);
    const kinds = this.symbols.map((symbol) => [HOLD, REST].indexOf(symbol) + 1 || KINDS - 1);
    const tunes = Array.from({ length: count }, (_, number) => {
      const generator = new Generator(seed, number, row, 1), written = new Array(window + length).fill(delimiter);
      return {
        shares: Array.from({ length }, () => generator.random()),
        written, heard: [...written], sizes: written.map(() => 0), onset: window - 1,
        heights: new Array(this.grid.REMEMBERED).fill(0), sounding: delimiter, lasted: 0, agreed: this.lookback.map(() => 1),
      };
    });
    let [hidden, carry] = [0, 1].map(() => new Float32Array(count * this.units)), logits;
    for (let step = 0; step < length; step += 1) {
      const place = window + step, planned = plan[step];
      const known = tunes.map((tune) => this.known(tune, planned, step, place, kinds));
      [logits, hidden, carry] = await this.nextLogits(known, hidden, carry);
      const size = this.symbols.length;
      tunes.forEach((tune, number) => {
        const { earlier, returning, kind } = tune;
        const allowed = Array.from(logits.subarray(number * size, (number + 1) * size), (logit, symbol) => {
          if (symbol === delimiter || (symbol === hold && step === 0)) return -Infinity;
          const again = planned[this.grid.DISTANCE] > 0 && symbol === returning;
          return (logit + PLANNED * (again + (kind === 0 || kinds[symbol] === kind) - 1)) / (TEMPERATURE * temperature);
        });
        const follows = drawnSymbol(allowed, tune.shares[step]), held = follows === hold;
        tune.written[place] = follows;
        tune.sounding = tune.heard[place] = held ? tune.sounding : follows;
        tune.lasted = held ? Math.min(tune.lasted + 1, LONGEST) : 0;
        tune.onset = held ? tune.onset : place;
        tune.sizes[tune.onset] += 1;
        const height = Number(this.symbols[follows]);
        if (height) tune.heights = [height, ...tune.heights.slice(0, -1)];
        tune.agreed = tune.agreed.map((steps, at) => (follows === earlier[at] ? Math.min(steps + 1, most) : 0));
      });
    }
    return tunes.map(({ written }) => written.slice(window));
  }

  /** Return what is known of a tune before its coming symbol, in the order of Seen in melodygan/models/composer.py. */
  known(tune, planned, step, place, kinds) {
    const { DISTANCE, RHYTHM, COMING, LONGEST } = this.grid, { written, heard, sizes, sounding, lasted, agreed, heights } = tune;
    const before = (of, distance) => of[place - Math.max(distance, 1)], follows = planned[RHYTHM] > 0;
    tune.earlier = this.lookback.map((distance) => written[place - distance]);
    tune.returning = before(written, planned[DISTANCE]);
    tune.kind = follows ? kinds[before(written, planned[RHYTHM])] : 0;
    const coming = before(heard, planned[COMING]), size = follows ? Math.min(before(sizes, planned[RHYTHM]), LONGEST) : 0;
    return [
      planned, written[place - 1], sounding, lasted, step, tune.earlier, agreed, tune.returning, tune.kind, coming, heights, size,
    ];
  }

  notes(written) {
    const notes = [];
    for (const symbol of written.map((index) => this.symbols[index])) {
      if (symbol === HOLD) notes.at(-1).steps += 1;
      else notes.push({ pitch: symbol === REST ? null : Number(symbol), steps: 1 });
    }
    return notes;
  }
}

// --- scores, see melodygan/composing.py -----------------------------------------------------------------------------------

/** Round to the nearest whole number, halves to the even one as Python does. */
const rounded = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

const median = (values) => {
  const sorted = [...values].sort((one, other) => one - other), half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
};

/** Compose a score in a key, { shift, fifths, mode }, or null; its register is the middle of the piano. */
export async function compose(model, { key, title, tempo, ...options }) {
  const tune = await model.compose({ ...options, mode: key && key.mode });
  const shift = key ? key.shift : 0, sounding = tune.notes.filter(({ pitch }) => pitch !== null);
  const middle = sounding.length ? median(sounding.map(({ pitch }) => pitch + shift)) : model.grid.MIDDLE;
  const moved = shift + OCTAVE * rounded((model.grid.MIDDLE - middle) / OCTAVE);
  const notes = tune.notes.map(({ pitch, steps }) => ({ pitch: pitch === null ? null : pitch + moved, steps }));
  return { ...tune, notes, title, tempo, fifths: key ? key.fifths : 0, program: 0 };
}

/** Return the sixteenths of all notes and rests. */
export const lengthOf = (notes) => sum(notes.map(({ steps }) => steps));
