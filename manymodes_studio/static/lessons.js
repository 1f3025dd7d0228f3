/* Three small models that collapse, trained here with the values of sliders: a GAN, a VAE and a codebook. */
(() => {
  "use strict";
  const generator = (seed) => {  // mulberry32: the same sliders give the same result
    const uniform = () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
      return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return { uniform, normal, below: (count) => Math.floor(count * uniform()) };
  };
  const sigmoid = (value) => 1 / (1 + Math.exp(-value));

  class Adam {  // over one array of weights
    constructor(size, rate, decay) {
      [this.gradient, this.first, this.second] = [0, 1, 2].map(() => new Float64Array(size));
      Object.assign(this, { rate, decay, updates: 0 });
    }
    step(weights) {
      this.updates += 1;
      const size = this.rate * Math.sqrt(1 - 0.999 ** this.updates) / (1 - this.decay ** this.updates);
      for (let i = 0; i < weights.length; i += 1) {
        this.first[i] += (1 - this.decay) * (this.gradient[i] - this.first[i]);
        this.second[i] += 0.001 * (this.gradient[i] ** 2 - this.second[i]);
        weights[i] -= size * this.first[i] / (Math.sqrt(this.second[i]) + 1e-7);
      }
      this.gradient.fill(0);
    }
  }

  class Dense {  // layers with rectifiers between them; weights [inputs + 1, outputs], the last row is the bias
    constructor(sizes, random, rate, decay = 0.9) {
      this.layers = sizes.slice(1).map((outputs, number) => {
        const inputs = sizes[number], limit = Math.sqrt(6 / (inputs + outputs));
        const weights = Float64Array.from({ length: (inputs + 1) * outputs }, (_, i) =>
          i < inputs * outputs ? limit * (2 * random.uniform() - 1) : 0);
        return { inputs, outputs, weights, adam: new Adam(weights.length, rate, decay) };
      });
    }
    forward(batch) {  // [n, inputs] of arrays
      this.kept = [batch];
      this.layers.forEach(({ inputs, outputs, weights }, number) => {
        const last = number === this.layers.length - 1;
        batch = batch.map((row) => {
          const made = weights.slice(inputs * outputs);
          for (let i = 0; i < inputs; i += 1) {
            if (row[i]) for (let j = 0; j < outputs; j += 1) made[j] += row[i] * weights[i * outputs + j];
          }
          return last ? made : made.map((value) => Math.max(0, value));
        });
        this.kept.push(batch);
      });
      return batch;
    }
    backward(gradients) {  // of a loss by the outputs; returns those by the inputs
      for (let number = this.layers.length - 1; number >= 0; number -= 1) {
        const { inputs, outputs, weights, adam } = this.layers[number];
        const [before, rows] = [this.kept[number], gradients];
        gradients = before.map((row, n) => {
          const back = new Float64Array(inputs);
          for (let j = 0; j < outputs; j += 1) adam.gradient[inputs * outputs + j] += rows[n][j];
          for (let i = 0; i < inputs; i += 1) {
            let sum = 0;
            for (let j = 0; j < outputs; j += 1) {
              sum += rows[n][j] * weights[i * outputs + j];
              adam.gradient[i * outputs + j] += rows[n][j] * row[i];
            }
            back[i] = number && !row[i] ? 0 : sum;  // a rectifier that is closed passes nothing
          }
          return back;
        });
      }
      return gradients;
    }
    step() { this.layers.forEach(({ weights, adam }) => adam.step(weights)); }
    forget() { this.layers.forEach(({ adam }) => adam.gradient.fill(0)); }
  }

  // --- modes: a GAN on a ring of eight clusters -------------------------------------------------------------------

  const CLUSTERS = 8, RATE = 2e-3;
  const centres = Array.from({ length: CLUSTERS }, (_, n) => [2 * Math.cos(2 * Math.PI * n / CLUSTERS), 2 * Math.sin(2 * Math.PI * n / CLUSTERS)]);
  const covered = (points) => {
    const near = new Array(CLUSTERS).fill(0);
    for (const [x, y] of points) {
      const away = centres.map(([a, b]) => Math.hypot(x - a, y - b)), nearest = Math.min(...away);
      if (nearest < 0.4) near[away.indexOf(nearest)] += 1;
    }
    return near.filter((count) => count >= points.length / 100).length;
  };

  function* modes({ speed, ahead }, updates = 600, batch = 64) {
    const random = generator(1);
    const maker = new Dense([2, 32, 32, 2], random, RATE, 0.5);
    const critic = new Dense([2, 32, 32, 1], random, RATE * 2 ** speed, 0.5);
    const noise = (count) => Array.from({ length: count }, () => [random.normal(), random.normal()]);
    const real = () => Array.from({ length: batch }, () => centres[random.below(CLUSTERS)].map((at) => at + 0.05 * random.normal()));
    const fixed = noise(300);
    for (let update = 1; update <= updates; update += 1) {
      for (let turn = 0; turn < ahead; turn += 1) {
        const scores = critic.forward([...real(), ...maker.forward(noise(batch))]);
        critic.backward(scores.map(([score], n) => [(n < batch ? -sigmoid(-score) : sigmoid(score)) / batch]));
        critic.step();
      }
      const scores = critic.forward(maker.forward(noise(batch)));
      maker.backward(critic.backward(scores.map(([score]) => [-sigmoid(-score) / batch])));
      maker.step();
      critic.forget();
      if (update % 10 === 0) {
        const points = maker.forward(fixed);
        yield { points, values: { covered: covered(points), update } };
      }
    }
  }

  // --- posterior: a VAE of drum bars ------------------------------------------------------------------------------

  const ACTIVE = 0.05;  // nats

  function* posterior({ price, latents, bars }, updates = 600, batch = 32) {
    const random = generator(2), size = bars[0].length;
    const encoder = new Dense([size, 2 * latents], random, 0.01), decoder = new Dense([latents, size], random, 0.01);
    const lines = Array.from({ length: latents }, () => []), costs = [];
    for (let update = 1; update <= updates; update += 1) {
      const some = Array.from({ length: batch }, () => bars[random.below(bars.length)]);
      const codes = encoder.forward(some);  // means, then logarithms of variances
      const noise = codes.map(() => Array.from({ length: latents }, random.normal));
      const logits = decoder.forward(codes.map((code, n) => noise[n].map((one, k) => code[k] + Math.exp(code[latents + k] / 2) * one)));
      let cost = 0;
      const errors = logits.map((row, n) => row.map((logit, i) => {
        cost += (Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(logit, 0) - logit * some[n][i]) / batch;
        return (sigmoid(logit) - some[n][i]) / batch;
      }));
      const spent = new Float64Array(latents);  // nats, by the divergence from the prior
      encoder.backward(decoder.backward(errors).map((slope, n) => {
        const code = codes[n], gradient = new Float64Array(2 * latents);
        for (let k = 0; k < latents; k += 1) {
          const variance = Math.exp(code[latents + k]);
          spent[k] += (code[k] ** 2 + variance - 1 - code[latents + k]) / 2 / batch;
          gradient[k] = slope[k] + price * code[k] / batch;
          gradient[latents + k] = (slope[k] * noise[n][k] * Math.sqrt(variance) + price * (variance - 1) / batch) / 2;
        }
        return gradient;
      }));
      encoder.step();
      decoder.step();
      lines.forEach((line, k) => line.push(spent[k]));
      costs.push(cost);
      if (update % 20 === 0) {
        const latest = (line) => line.slice(-60).reduce((sum, value) => sum + value, 0) / Math.min(60, line.length);
        const nats = lines.map(latest);
        const total = nats.reduce((sum, value) => sum + value, 0);
        yield { lines, most: 3, updates, values: {
          nats: total.toFixed(2), active: nats.filter((value) => value > ACTIVE).length, all: latents, cost: (latest(costs) + total).toFixed(1),
        } };
      }
    }
  }

  // --- codebook: codes that follow kinds of sounds which move apart -------------------------------------------------

  const KINDS = 64, WIDTH = 8, FORGETTING = 0.9, RARE = 0.3;

  function* codebook({ codes, growth, moved }, updates = 300, batch = 256) {
    const random = generator(3), point = () => Array.from({ length: WIDTH }, random.normal);
    const kinds = Array.from({ length: KINDS }, point);
    let book = Array.from({ length: codes }, point);
    const uses = new Float64Array(codes).fill(batch / codes), line = [];
    for (let update = 1; update <= updates; update += 1) {
      const drawn = Array.from({ length: batch }, () => kinds[random.below(KINDS)].map((at) => growth * Math.min(1, update / 100) * at + 2 + 0.1 * random.normal()));
      if (moved && update === 1) book = book.map(() => [...drawn[random.below(batch)]]);  // begin with data
      const [counts, sums] = [new Float64Array(codes), book.map(() => new Float64Array(WIDTH))];
      for (const encoding of drawn) {
        let [best, nearest] = [Infinity, 0];
        for (let code = 0; code < codes; code += 1) {
          let away = 0;
          for (let i = 0; i < WIDTH && away < best; i += 1) away += (encoding[i] - book[code][i]) ** 2;
          if (away < best) [best, nearest] = [away, code];
        }
        counts[nearest] += 1;
        encoding.forEach((at, i) => { sums[nearest][i] += at; });
      }
      book.forEach((at, code) => {
        uses[code] = FORGETTING * uses[code] + (1 - FORGETTING) * counts[code];
        if (counts[code]) at.forEach((_, i) => { at[i] += (1 - FORGETTING) * (sums[code][i] / counts[code] - at[i]); });
        if (moved && uses[code] < RARE) {
          book[code] = [...drawn[random.below(batch)]];
          uses[code] = batch / codes;
        }
      });
      const entropy = [...counts].reduce((sum, count) => count ? sum - count / batch * Math.log(count / batch) : sum, 0);
      line.push(Math.exp(entropy));
      if (update % 10 === 0) yield { lines: [line], most: KINDS, updates, values: { used: Math.exp(entropy).toFixed(0), codes } };
    }
  }

  const lessons = { modes, posterior, codebook };
  if (typeof window === "undefined") {
    module.exports = lessons;
    return;
  }

  // --- the page -----------------------------------------------------------------------------------------------------

  const SLICE_MS = 12;
  const paint = (section, { points, lines, most, updates }) => {
    const canvas = section.querySelector("canvas"), style = getComputedStyle(section);
    const [width, height] = [canvas.width = 2 * canvas.clientWidth, canvas.height = 2 * canvas.clientHeight];
    const draw = canvas.getContext("2d"), [ink, faint] = ["--studio-ink", "--studio-line"].map((name) => style.getPropertyValue(name));
    const dot = ([x, y], colour, size) => {
      draw.fillStyle = colour;
      draw.beginPath();
      draw.arc(width / 2 + x * height / 6, height / 2 - y * height / 6, size, 0, 7);
      draw.fill();
    };
    if (points) {
      centres.forEach((centre) => dot(centre, faint, height / 15));
      points.forEach((point) => dot(point, ink, 4));
    }
    draw.lineWidth = 3;
    for (const line of lines || []) {
      draw.strokeStyle = ink;
      draw.beginPath();
      line.forEach((value, n) => draw.lineTo(width * n / updates, height * (1 - 0.95 * Math.min(1, value / most))));
      draw.stroke();
    }
  };
  const run = (section) => {
    const name = section.dataset.lesson, values = {};
    for (const input of section.querySelectorAll("input")) {
      values[input.name] = input.type === "checkbox" ? input.checked : Number(input.value);
      if (input.nextElementSibling) input.nextElementSibling.textContent = input.dataset.power ? `1/${2 ** -input.value}` : input.value;
    }
    const bars = section.dataset.bars.split(" ").map((bar) => [...bar].flatMap((digit) => [8, 4, 2, 1].map((bit) => Number(Boolean(parseInt(digit, 16) & bit)))));
    const work = section.work = lessons[name]({ ...values, bars });
    const slice = () => {
      if (section.work !== work || !section.isConnected) return;  // a slider was moved
      const end = performance.now() + SLICE_MS;
      let [next, shown] = [null, null];
      do {
        next = work.next();
        shown = next.value || shown;
      } while (!next.done && performance.now() < end);
      if (shown) {
        paint(section, shown);
        section.querySelector(".result").textContent = section.dataset.result.replace(/\{(\w+)\}/g, (_, key) => shown.values[key]);
      }
      if (next.done) section.dataset.done = JSON.stringify(values);
      else requestAnimationFrame(slice);
    };
    delete section.dataset.done;
    slice();
  };
  document.addEventListener("input", (event) => {
    const section = event.target.closest?.(".studio-lesson");
    if (section) run(section);
  });
  // each begins when it is first seen
  const seen = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
    if (!isIntersecting || target.work) return;
    run(target);
  }));
  const find = () => document.querySelectorAll(".studio-lesson").forEach((section) => seen.observe(section));
  new MutationObserver(find).observe(document.documentElement, { childList: true, subtree: true });
})();
