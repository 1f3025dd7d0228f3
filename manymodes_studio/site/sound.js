/* Notes and hits as sound, synthesised by Web Audio, and WAV files of it. */

const RATE_HZ = 22050, DRUM_RATE_HZ = 44100, RING_SECONDS = 1, TICKS_PER_QUARTER = 480;
const PARTIALS = [0, 1, 0.45, 0.25, 0.12, 0.07, 0.03, 0.02];

const offline = (seconds, rate) => new OfflineAudioContext(1, Math.ceil(seconds * rate), rate);

/** Return a gain that rises at once and decays, connected to the output. */
function envelope(context, begin, peak, seconds) {
  const gain = context.createGain();
  gain.gain.setValueAtTime(0, begin);
  gain.gain.linearRampToValueAtTime(peak, begin + 0.005);
  gain.gain.setTargetAtTime(0, begin + 0.005, seconds / 4);
  gain.connect(context.destination);
  return gain;
}

/** Play a score: notes of { pitch, steps }, and how loud each is. */
export async function melodySound({ notes, tempo }, velocities) {
  const step = 15 / tempo, steps = notes.reduce((total, note) => total + note.steps, 0);
  const context = offline(steps * step + RING_SECONDS, RATE_HZ);
  const wave = context.createPeriodicWave(Float32Array.from(PARTIALS), new Float32Array(PARTIALS.length));
  let place = 0;
  for (const [number, note] of notes.entries()) {
    const begin = place * step, end = (place + note.steps) * step;
    place += note.steps;
    if (note.pitch === null) continue;
    const gain = envelope(context, begin, velocities[number] / 127 * 0.5, 4), tone = context.createOscillator();
    gain.gain.setTargetAtTime(0, end - 0.02, 0.04);
    tone.setPeriodicWave(wave);
    tone.frequency.value = 440 * 2 ** ((note.pitch - 69) / 12);
    tone.connect(gain);
    tone.start(begin);
    tone.stop(end + 0.3);
  }
  return context.startRendering();
}

/* Of each drum: its tone in Hz, from and to; its noise above or around Hz; its length in seconds; its level. */
const KIT = {
  kick: { tone: [150, 45], seconds: 0.35, level: 1 },
  snare: { tone: [220, 160], noise: ["highpass", 1500], seconds: 0.22, level: 0.5 },
  hihat_closed: { noise: ["highpass", 8000], seconds: 0.08, level: 0.3 },
  hihat_open: { noise: ["highpass", 7000], seconds: 0.5, level: 0.3 },
  tom_low: { tone: [120, 80], seconds: 0.4, level: 0.8 },
  tom_high: { tone: [200, 140], seconds: 0.35, level: 0.7 },
  crash: { noise: ["highpass", 4000], seconds: 1.4, level: 0.4 },
  ride: { noise: ["bandpass", 6500], seconds: 0.7, level: 0.5 },
  clap: { noise: ["bandpass", 1500], seconds: 0.2, level: 0.9 },
};

function noise(context) {
  const buffer = context.createBuffer(1, 2 * context.sampleRate, context.sampleRate), samples = buffer.getChannelData(0);
  let state = 1;
  for (let place = 0; place < samples.length; place += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    samples[place] = state / 2 ** 31 - 1;
  }
  return buffer;
}

/** Play the hits of a beat, { tick, velocity, instrument }, exactly as long as its bars, so that it loops. */
export async function beatSound(hits, instruments, { bars, tempo }) {
  const tick = 60 / tempo / TICKS_PER_QUARTER, context = offline(bars * 240 / tempo, DRUM_RATE_HZ), hiss = noise(context);
  for (const hit of hits) {
    const begin = hit.tick * tick, { tone, noise: filtered, seconds, level } = KIT[instruments[hit.instrument]];
    const gain = envelope(context, begin, level * (hit.velocity / 127) ** 1.5 * 0.7, seconds);
    if (tone) {
      const drum = context.createOscillator();
      drum.frequency.setValueAtTime(tone[0], begin);
      drum.frequency.exponentialRampToValueAtTime(tone[1], begin + 0.08);
      drum.connect(gain);
      drum.start(begin);
      drum.stop(begin + 2 * seconds);
    }
    if (filtered) {
      const source = context.createBufferSource(), filter = context.createBiquadFilter();
      [filter.type, filter.frequency.value] = filtered;
      source.buffer = hiss;
      source.connect(filter).connect(gain);
      source.start(begin, 0, 2 * seconds);
    }
  }
  return context.startRendering();
}

/** Return a sound as a WAV file of 16 bits, not louder than full scale. */
export function wav(buffer) {
  const samples = buffer.getChannelData(0), rate = buffer.sampleRate, view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1);
  const words = (place, letters) => [...letters].forEach((letter, at) => view.setUint8(place + at, letter.charCodeAt(0)));
  words(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  words(8, "WAVEfmt ");
  [[16, 4], [1, 2], [1, 2], [rate, 4], [2 * rate, 4], [2, 2], [16, 2]].reduce((place, [value, size]) => {
    if (size === 4) view.setUint32(place, value, true);
    else view.setUint16(place, value, true);
    return place + size;
  }, 16);
  words(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) => view.setInt16(44 + 2 * place, Math.round(sample / peak * 32767), true));
  return new Blob([view.buffer], { type: "audio/wav" });
}
