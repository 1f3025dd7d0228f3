/* How beats are composed: drumvae/composing.py and drumvae/playing.py, for one beat. Names are those of the Python code. */

import { Generator, seedState } from "./random.js";

const STEPS = 16, USUAL = 0.5, REACH_NATS = 4, VARIATION = 0.3, CANDIDATES = 64, FILL_FROM = 12, PLAIN = 0.5, DRAWS = 64;
const TOGETHER = [0.28, 0.16, 0.56];
const GROUND = [[0, "kick"], [4, "snare"], [12, "snare"]];
const SKINS = ["snare", "tom_low", "tom_high"];
const TICKS_PER_STEP = 120;

const derived = (seed, number) => seedState([seed, number], 1)[0] >>> 1;
const clipped = (value, least, most) => Math.min(Math.max(value, least), most);
const repeated = (values, times) => Float32Array.from({ length: values.length * times }, (_, place) => values[place % values.length]);

export class PortableDrumVAE {
  constructor(graphs, { INSTRUMENTS, NOTES }) {
    Object.assign(this, graphs.config, graphs.arrays, { graphs, INSTRUMENTS, NOTES, bar: STEPS * INSTRUMENTS.length });
    this.skins = SKINS.map((name) => INSTRUMENTS.indexOf(name));
  }

  noise(count, seed, stream) {
    const generator = new Generator(seed, 4, stream), high = [], low = [];
    for (let row = 0; row < count; row += 1) {
      for (let place = 0; place < this.high_dim; place += 1) high.push(generator.normalFloat());
      for (let place = 0; place < this.low_dim; place += 1) low.push(generator.normalFloat());
    }
    return { high, low };
  }

  /** Return the mean and the deviation of each latent given the high ones. */
  async lowGiven(high) {
    const [mean, logVariance] = await this.graphs.run("low_given", high);
    return { mean, deviation: logVariance.map((value) => Math.exp(value / 2)) };
  }

  /** Draw the latents of bars of styles, one number or share of each style a bar. */
  async drawLatents(shares, seed) {
    const noise = this.noise(shares.length, seed, 0);
    const mixed = (of, row, place) => shares[row].reduce((total, share, style) => total + share * of[style][place], 0);
    const high = Float32Array.from(noise.high, (value, number) => {
      const [row, place] = [Math.floor(number / this.high_dim), number % this.high_dim];
      return mixed(this.style_means, row, place) + mixed(this.style_deviations, row, place) * value;
    });
    const { mean, deviation } = await this.lowGiven(high);
    return { high, low: mean.map((value, place) => value + deviation[place] * noise.low[place]) };
  }

  /** Move the low latents towards another draw. */
  async vary({ high, low }, amount, seed) {
    const { mean, deviation } = await this.lowGiven(high);
    const fresh = this.noise(high.length / this.high_dim, seed, 1).low, rest = Math.sqrt(1 - amount ** 2);
    const moved = (value, place) => rest * (value - mean[place]) / deviation[place] + amount * fresh[place];
    return { high, low: low.map((value, place) => mean[place] + deviation[place] * moved(value, place)) };
  }

  cell(step, name) { return step * this.INSTRUMENTS.length + this.INSTRUMENTS.indexOf(name); }

  /** Return the cells of the plain groove of a style. */
  async ground(style) {
    this.grooves ??= (async () => {
      const shares = this.styles.flatMap((_, one) => Array.from({ length: DRAWS }, () => this.styles.map((__, other) => Number(one === other))));
      const { high, low } = await this.drawLatents(shares, 0);
      const [logits] = await this.graphs.run("decode", high, low);
      const chance = (one, cell) => Array.from({ length: DRAWS }, (_, draw) =>
        1 / (1 + Math.exp(-logits[(one * DRAWS + draw) * this.bar + cell]))).reduce((total, value) => total + value, 0) / DRAWS;
      return this.styles.map((_, one) => GROUND.map(([step, name]) => this.cell(step, name)).filter((cell) => chance(one, cell) > 0.5));
    })();
    return (await this.grooves)[style];
  }

  /** Draw the hits of bars, at least one a bar: bytes of 0 and 1. */
  async compose({ high, low }, seed, complexity, temperature, always = []) {
    const [decoded] = await this.graphs.run("decode", high, low);
    const generator = new Generator(seed, 2), logits = Array.from(decoded, (logit) => logit + REACH_NATS * (complexity - USUAL));
    const margin = logits.map((logit, place) => {
      const random = generator.logistic();
      return always.includes(place % this.bar) ? Infinity : logit - temperature * random;
    });
    const hits = new Uint8Array(logits.length);
    for (let begin = 0; begin < hits.length; begin += this.bar) {
      const most = Math.max(...margin.slice(begin, begin + this.bar));
      for (let place = begin; place < begin + this.bar; place += 1) hits[place] = margin[place] > 0 || margin[place] === most;
      for (let step = 0; step < STEPS; step += 1) {  // there is one pair of hi-hats
        const [closed, opened] = ["hihat_closed", "hihat_open"].map((name) => begin + this.cell(step, name));
        if (hits[closed] && hits[opened]) hits[logits[opened] > logits[closed] ? closed : opened] = 0;
      }
    }
    return hits;
  }

  /** Draw bars that vary their first one and end with a fill. */
  async loop(latents, bars, seed, complexity, temperature, always) {
    const pieces = [await this.compose(latents, seed, complexity, PLAIN * temperature, always)];
    for (let number = 1; number < bars - 1; number += 1) {
      const varied = await this.vary(latents, VARIATION, derived(seed, number));
      pieces.push(await this.compose(varied, number % 2 ? derived(seed, number) : seed, complexity, temperature));
    }
    if (bars > 1) {
      const part = derived(seed, 0), from = FILL_FROM * this.INSTRUMENTS.length;
      const candidates = await this.vary({ high: repeated(latents.high, CANDIDATES), low: repeated(latents.low, CANDIDATES) }, 1, part);
      const usual = await this.compose(candidates, part, USUAL, temperature);
      const asked = await this.compose(candidates, part, complexity, temperature);
      let best = [0, -Infinity];
      for (let number = 0; number < CANDIDATES; number += 1) {
        const score = this.fillScore(usual.subarray(number * this.bar + from, (number + 1) * this.bar));
        if (score > best[1]) best = [number, score];
      }
      const last = pieces[0].slice();
      last.set(asked.subarray(best[0] * this.bar + from, (best[0] + 1) * this.bar), from);
      pieces.push(last);
    }
    return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
  }

  /** Many drums and few cymbals make a fill. */
  fillScore(ending) {
    let score = 0;
    for (let begin = 0; begin < ending.length; begin += this.INSTRUMENTS.length) {
      const step = ending.subarray(begin, begin + this.INSTRUMENTS.length);
      score += this.skins.some((skin) => step[skin]);
      score -= 0.5 * step.reduce((total, hit, instrument) => total + (this.skins.includes(instrument) ? 0 : hit), 0);
    }
    return score;
  }

  /** Compose a beat: { hits, velocities, offsets } by cell, [bar, step, instrument] in one row, { bars, tempo }. */
  async beat({ style, bars = 4, tempo = 120, complexity = USUAL, humanize = 1, temperature = 1, seed = 0 }) {
    const number = this.styles.indexOf(style), part = derived(seed, 0);
    const latents = await this.drawLatents([this.styles.map((_, one) => Number(one === number))], part);
    const hits = await this.loop(latents, bars, part, complexity, temperature, await this.ground(number));
    return { bars, tempo, ...await this.humanise(latents, hits, bars, tempo, humanize, part) };
  }

  async humanise(latents, hits, bars, tempo, amount, seed) {
    const parts = await this.graphs.run("play", repeated(latents.high, bars), repeated(latents.low, bars), Float32Array.from(hits));
    const [loudMean, loudLog, lateMean, lateLog] = parts;
    const generator = new Generator(seed, 3), normals = (count) => Array.from({ length: count }, () => generator.normal());
    const loud = normals(hits.length), ofBar = normals(bars), ofStep = normals(bars * STEPS), own = normals(hits.length);
    const [ofBars, ofSteps, ofHits] = TOGETHER.map(Math.sqrt);
    const velocities = loud.map((random, place) => clipped(loudMean[place] + Math.exp(loudLog[place] / 2) * amount * random, 1 / 127, 1));
    const offsets = own.map((random, place) => {
      const step = Math.floor(place / this.INSTRUMENTS.length), bar = Math.floor(place / this.bar);
      const uneven = tempo / this.tempo * (ofBars * ofBar[bar] + ofSteps * ofStep[step] + ofHits * random);
      return clipped(amount * (lateMean[place] + Math.exp(lateLog[place] / 2) * uneven), -0.5, 0.5);
    });
    return { hits, velocities, offsets };
  }

  /** Return the hits as MIDI has them, instrument after instrument: { tick, note, velocity, instrument }. */
  midiHits({ hits, velocities, offsets }) {
    const found = [], count = this.INSTRUMENTS.length;
    for (let instrument = 0; instrument < count; instrument += 1) {
      for (let place = instrument; place < hits.length; place += count) {
        if (!hits[place]) continue;
        const late = clipped(Math.round(offsets[place] * TICKS_PER_STEP), -TICKS_PER_STEP / 2, TICKS_PER_STEP / 2 - 1);
        const tick = Math.max(0, (place - instrument) / count * TICKS_PER_STEP + late);
        found.push({ tick, note: this.NOTES[instrument], velocity: clipped(Math.round(velocities[place] * 127), 1, 127), instrument });
      }
    }
    return found;
  }
}
