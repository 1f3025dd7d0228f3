// Plays the notes of a button: data-notes holds [onset ms, duration ms, MIDI pitch, velocity] of each.
(() => {
  let context, playing;

  const stop = () => {
    if (!playing) return;
    playing.master.gain.setTargetAtTime(0, context.currentTime, 0.02);
    clearTimeout(playing.timer);
    playing.button.setAttribute("aria-pressed", "false");
    playing = undefined;
  };

  const tone = (master, at, length, pitch, level) => {
    const oscillator = new OscillatorNode(context, { type: "triangle", frequency: 440 * 2 ** ((pitch - 69) / 12) });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(level, at + 0.01);
    gain.gain.setTargetAtTime(level * 0.6, at + 0.02, 0.2);
    gain.gain.setTargetAtTime(0, at + Math.max(length - 0.03, 0.02), 0.03);
    oscillator.connect(gain).connect(master);
    oscillator.start(at);
    oscillator.stop(at + length + 0.3);
  };

  const hit = (master, at, pitch, level) => {
    const low = pitch < 37;  // bass drums; the others are noise, brighter with the number of the instrument
    const length = low ? 0.25 : pitch > 48 ? 0.3 : 0.12;
    const buffer = context.createBuffer(1, context.sampleRate * length, context.sampleRate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) {
      const decay = Math.exp(-6 * i / samples.length);
      samples[i] = decay * (low ? Math.sin(2 * Math.PI * 60 * i / context.sampleRate) : 2 * Math.random() - 1);
    }
    const source = new AudioBufferSourceNode(context, { buffer });
    const filter = new BiquadFilterNode(context, { type: low ? "lowpass" : "highpass", frequency: low ? 200 : 400 + 120 * (pitch - 36) });
    source.connect(filter).connect(new GainNode(context, { gain: level })).connect(master);
    source.start(at);
  };

  const play = (button) => {
    context ??= new AudioContext();
    context.resume();
    const master = new GainNode(context, { gain: 0.3 });
    master.connect(context.destination);
    const notes = JSON.parse(button.dataset.notes);
    const begin = context.currentTime + 0.05;
    let end = 0;
    for (const [onset, duration, pitch, velocity] of notes) {
      const at = begin + onset / 1000;
      if (button.dataset.drums) hit(master, at, pitch, velocity / 127);
      else tone(master, at, duration / 1000, pitch, velocity / 127);
      end = Math.max(end, onset + duration);
    }
    button.setAttribute("aria-pressed", "true");
    playing = { master, button, timer: setTimeout(stop, end + 300) };
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest(".play");
    if (!button) return;
    const again = playing?.button === button;
    stop();
    if (!again) play(button);
  });
})();
