/* NumPy's random numbers: the bits of `default_rng` (SeedSequence, PCG64) and the distributions that the models draw from. */

const MASK64 = (1n << 64n) - 1n, MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

const hashed = (constant, factor) => (value) => {
  value ^= constant;
  constant = Math.imul(constant, factor);
  value = Math.imul(value, constant);
  return (value ^ (value >>> 16)) >>> 0;
};

/** Return the first words of `SeedSequence(entropy).generate_state`, of numbers below 2³². */
export function seedState(entropy, words) {
  const mixing = hashed(0x43b0d7e5, 0x931e8875), making = hashed(0x8b51f9dd, 0x58f38ded);
  const mix = (one, other) => {
    const mixed = (Math.imul(0xca01f9dd, one) - Math.imul(0x4973f715, other)) | 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((place) => mixing(entropy[place] ?? 0));
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) if (from !== to) pool[to] = mix(pool[to], mixing(pool[from]));
  }
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to += 1) pool[to] = mix(pool[to], mixing(word));
  return Array.from({ length: words }, (_, place) => making(pool[place % 4]));
}

/** The tables of a ziggurat of 256 layers under the normal density (Marsaglia and Tsang, 2000), in 2^bits steps. */
function ziggurat(bits) {
  const steps = 2 ** bits, area = 0.00492867323397465524494, density = (x) => Math.exp(-0.5 * x * x);
  const table = { inner: new Array(256), width: new Array(256), height: new Array(256) };
  let [x, outer] = [TAIL, TAIL];
  const base = area / density(TAIL);
  [table.inner[0], table.width[0], table.height[0]] = [TAIL / base * steps, base / steps, 1];
  [table.inner[1], table.width[255], table.height[255]] = [0, TAIL / steps, density(TAIL)];
  for (let layer = 254; layer > 0; layer -= 1) {
    x = Math.sqrt(-2 * Math.log(area / x + density(x)));
    [table.inner[layer + 1], table.width[layer], table.height[layer]] = [x / outer * steps, x / steps, density(x)];
    outer = x;
  }
  return table;
}
const TAIL = 3.6541528853610088;
const DOUBLES = ziggurat(52), FLOATS = ziggurat(23);
FLOATS.width = FLOATS.width.map(Math.fround);

export class Generator {
  constructor(...entropy) {
    const words = seedState(entropy, 8).map(BigInt);
    const [first, second, third, fourth] = [0, 2, 4, 6].map((place) => words[place] | (words[place + 1] << 32n));
    this.increment = ((((third << 64n) | fourth) << 1n) | 1n) & MASK128;
    this.state = (this.increment + ((first << 64n) | second)) & MASK128;
    this.step();
    this.left = null;
  }

  step() { this.state = (this.state * MULTIPLIER + this.increment) & MASK128; }

  bits64() {
    this.step();
    const folded = (this.state >> 64n) ^ (this.state & MASK64), turn = this.state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK64;
  }

  bits32() {
    if (this.left !== null) {
      const left = this.left;
      this.left = null;
      return left;
    }
    const both = this.bits64();
    this.left = Number(both >> 32n);
    return Number(both & 0xffffffffn);
  }

  random() { return Number(this.bits64() >> 11n) / 2 ** 53; }

  /** Draw a whole number below `most` (Lemire, 2019). */
  integer(most) {
    if (most === 1) return 0;
    let drawn = BigInt(this.bits32()) * BigInt(most);
    const least = BigInt((2 ** 32 - most) % most);
    while ((drawn & 0xffffffffn) < least) drawn = BigInt(this.bits32()) * BigInt(most);
    return Number(drawn >> 32n);
  }

  logistic() {
    const share = this.random();
    return share > 0 ? Math.log(share / (1 - share)) : this.logistic();
  }

  normal() {
    const bits = this.bits64();
    return this.normalFrom(DOUBLES, Number(bits & 255n), (bits >> 8n) & 1n, Number((bits >> 9n) & ((1n << 52n) - 1n)),
      () => this.random()) ?? this.normal();
  }

  /** Draw in single precision. */
  normalFloat() {
    const bits = this.bits32();
    const drawn = this.normalFrom(FLOATS, bits & 255, (bits >> 8) & 1, (bits >>> 9) & 0x7fffff,
      () => (this.bits32() >>> 8) / 2 ** 24);
    return drawn === null ? this.normalFloat() : Math.fround(drawn);
  }

  normalFrom({ inner, width, height }, layer, sign, steps, uniform) {
    const x = steps * width[layer] * (sign ? -1 : 1);
    if (steps < inner[layer]) return x;
    if (layer) return (height[layer - 1] - height[layer]) * uniform() + height[layer] < Math.exp(-0.5 * x * x) ? x : null;
    for (;;) {
      const beyond = -Math.log(1 - uniform()) / TAIL, room = -Math.log(1 - uniform());
      if (room + room > beyond * beyond) return Math.floor(steps / 256) & 1 ? -TAIL - beyond : TAIL + beyond;
    }
  }
}
