/* Web MIDI out and in, and a piano of the page's own keys, whose notes are written into a field. */
(() => {
  "use strict";
  const { transport, make, say, tell } = window.studio;

  // --- Web MIDI -------------------------------------------------------------------------------------------------

  const AHEAD_MS = 200, AHEAD_HIDDEN_MS = 1500;  // timers of hidden pages run once a second
  const port = { access: null, output: null, timer: null, select: null };

  // the messages of a standard MIDI file by seconds
  const messages = (buffer) => {
    const view = new DataView(buffer);
    const division = view.getUint16(12);
    const events = [];
    for (let place = 14; place + 8 <= view.byteLength;) {
      const end = place + 8 + view.getUint32(place + 4);
      place += 8;
      const number = () => {
        let value = 0, byte;
        do { byte = view.getUint8(place); place += 1; value = value * 128 + (byte & 127); } while (byte & 128);
        return value;
      };
      for (let tick = 0, state = 0; place < end;) {
        tick += number();
        if (view.getUint8(place) & 128) { state = view.getUint8(place); place += 1; }
        if (state >= 0xf0) {
          const type = state === 0xff ? view.getUint8(place++) : 0;
          const length = number();
          if (type === 0x51) events.push({ tick, tempo: view.getUint32(place - 1) & 0xffffff });
          place += length;
        } else {
          const size = state >> 5 === 6 ? 1 : 2;  // programs and pressure of channels
          events.push({ tick, bytes: [state, ...new Uint8Array(buffer, place, size)] });
          place += size;
        }
      }
    }
    let [tempo, tick, seconds] = [500000, 0, 0];
    return events.sort((one, other) => one.tick - other.tick).flatMap((event) => {
      seconds += (event.tick - tick) * tempo / division / 1e6;
      tick = event.tick;
      tempo = event.tempo ?? tempo;
      return event.bytes ? [{ seconds, bytes: event.bytes }] : [];
    });
  };
  const isNote = ({ bytes }) => bytes[0] >> 4 === 8 || bytes[0] >> 4 === 9;

  const notesOf = async (take) => {
    const blob = typeof take.midi === "string" ? await (await fetch(take.midi)).blob() : take.midi;
    return messages(await blob.arrayBuffer());
  };

  transport.elsewhere = (take) => Boolean(port.output && take.midi);
  transport.onplay = async (take, source) => {
    if (!transport.elsewhere(take)) return;
    const events = take.messages ||= await notesOf(take);
    if (transport.source !== source) return;
    const begun = transport.position, output = port.output;
    events.filter((event) => event.seconds < begun && !isNote(event)).forEach(({ bytes }) => output.send(bytes));
    let [next, rounds] = [events.findIndex((event) => event.seconds >= begun), 0];
    if (next < 0) next = events.length;
    const length = transport.buffer.duration;
    const send = () => {
      const until = transport.passed + (document.hidden ? AHEAD_HIDDEN_MS : AHEAD_MS) / 1000;
      for (;;) {
        if (next === events.length && take.loop) { next = 0; rounds += 1; }
        if (next === events.length) return;
        const at = events[next].seconds + rounds * length;
        if (at > until) return;
        output.send(events[next].bytes, performance.now() + 1000 * (at - transport.passed));
        next += 1;
      }
    };
    send();
    port.timer = setInterval(send, AHEAD_MS / 4);
  };
  transport.onsilence = () => {
    if (!port.timer) return;
    clearInterval(port.timer);
    port.timer = null;
    // what was sent ahead may begin after this
    for (const later of [0, document.hidden ? AHEAD_HIDDEN_MS : AHEAD_MS]) {
      for (let channel = 0; channel < 16; channel += 1) port.output?.send([0xb0 + channel, 123, 0], performance.now() + later);
    }
  };

  const choose = (id) => {
    const again = transport.playing && transport.position;
    transport.pause();
    port.output = port.access.outputs.get(id) || null;
    if (again !== false) transport.play(transport.take, again);
  };
  const ports = () => {
    if (!port.access.outputs.has(port.output?.id)) port.output = null;
    const options = [...port.access.outputs.values()].map((one) => make("option", { value: one.id, selected: one === port.output }, one.name));
    port.select.replaceChildren(make("option", { value: "" }, say("here")), ...options);
    for (const input of port.access.inputs.values()) input.onmidimessage = hear;
  };
  const hear = ({ data: [state, pitch, velocity] }) => {
    if (state >> 4 === 9 && velocity) press(pitch, velocity);
    else if (state >> 4 === 8 || state >> 4 === 9) release(pitch);
  };
  const connect = async (event) => {
    const button = event.currentTarget;
    try {
      port.access = await navigator.requestMIDIAccess();
    } catch {
      button.textContent = say("no-midi");
      return;
    }
    port.select = make("select", { "aria-label": say("output"), onchange: () => choose(port.select.value) });
    button.replaceWith(port.select);
    port.select.focus();
    port.access.onstatechange = ports;
    ports();
  };

  // --- piano ------------------------------------------------------------------------------------------------

  const KEYS = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon"];
  const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
  const LENGTHS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4];  // that the models know, in quarters
  const LONGEST = 64, SEARCHING = 8;  // notes; quarters after which the player was looking for a key
  const piano = { lowest: 60, on: false, sounding: new Map(), last: null };
  const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
  const keyOf = (pitch) => document.querySelector(`.studio-piano [data-semitone="${pitch - piano.lowest}"]`);

  const voice = (pitch, velocity) => {
    if (port.output) {
      port.output.send([0x90, pitch, velocity]);
      return () => port.output?.send([0x80, pitch, 0]);
    }
    const context = transport.context ||= new AudioContext();
    context.resume();
    const [tone, gain] = [new OscillatorNode(context, { type: "triangle", frequency: 440 * 2 ** ((pitch - 69) / 12) }), new GainNode(context, { gain: 0 })];
    gain.gain.setTargetAtTime(0.3 * velocity / 127, context.currentTime, 0.005);
    gain.gain.setTargetAtTime(0.05, context.currentTime + 0.05, 0.6);
    tone.connect(gain).connect(context.destination);
    tone.start();
    return () => {
      gain.gain.cancelScheduledValues(context.currentTime);
      gain.gain.setTargetAtTime(0, context.currentTime, 0.05);
      tone.stop(context.currentTime + 0.4);
    };
  };

  const field = () => document.querySelector("#studio-notes textarea, #studio-notes input");
  const lasting = (milliseconds) => {
    const quarters = milliseconds / 60000 * (Number(document.querySelector("#studio-tempo input")?.value) || 120);
    return quarters > SEARCHING ? 1 : LENGTHS.reduce((best, length) => Math.abs(length - quarters) < Math.abs(best - quarters) ? length : best);
  };
  // a note lasts until the next one begins, the last until it ends
  const end = (words, now) => {
    if (piano.last && words.at(-1)?.split(":")[0] === nameOf(piano.last.pitch)) {
      words[words.length - 1] = `${nameOf(piano.last.pitch)}:${lasting(now - piano.last.at)}`;
    }
    return words;
  };
  const write = (pitch) => {
    if (!field()?.offsetParent) return;
    const now = performance.now();
    const words = end(field().value.split(/\s+/).filter(Boolean), now);
    if (words.length >= LONGEST) return;
    piano.last = { pitch, at: now };
    tell("studio-notes", [...words, `${nameOf(pitch)}:1`].join(" "));
  };

  const press = (pitch, velocity = 90) => {
    if (piano.sounding.has(pitch)) return;
    piano.sounding.set(pitch, voice(pitch, velocity));
    keyOf(pitch)?.classList.add("down");
    write(pitch);
  };
  const release = (pitch) => {
    piano.sounding.get(pitch)?.();
    piano.sounding.delete(pitch);
    keyOf(pitch)?.classList.remove("down");
    if (piano.last?.pitch !== pitch || !field()?.offsetParent) return;
    tell("studio-notes", end(field().value.split(/\s+/).filter(Boolean), performance.now()).join(" "));
  };
  const releaseAll = () => [...piano.sounding.keys()].forEach(release);

  const shift = (octaves) => {
    releaseAll();
    piano.lowest = Math.min(84, Math.max(36, piano.lowest + 12 * octaves));
    for (const key of document.querySelectorAll(".studio-piano [data-semitone]")) {
      const name = nameOf(piano.lowest + Number(key.dataset.semitone));
      key.setAttribute("aria-label", name);
      if (key.textContent) key.textContent = name;
    }
  };
  const onPointer = (event) => {
    const key = event.target.closest?.(".studio-piano [data-semitone]");
    if (!key || (event.pointerType === "mouse" && event.button)) return;
    key.releasePointerCapture?.(event.pointerId);
    press(piano.lowest + Number(key.dataset.semitone));
    event.preventDefault();
  };
  const onClick = (event) => {
    const button = event.target.closest?.("[data-octaves], [data-keys], [data-clears]");
    if (button?.dataset.octaves) shift(Number(button.dataset.octaves));
    else if (button?.matches("[data-clears]")) tell("studio-notes", "");
    else if (button) {
      piano.on = !piano.on;
      releaseAll();
      button.setAttribute("aria-pressed", piano.on);
    }
  };
  const WRITES = "textarea, select, [contenteditable], [role=combobox], [role=listbox], input:not([type=range], [type=radio], [type=checkbox])";
  const onKey = (event) => {
    const place = KEYS.indexOf(event.code);
    if (place < 0) return;
    if (event.type === "keyup") return void (piano.on && release(piano.lowest + place));
    if (!piano.on || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(WRITES)) return;
    event.preventDefault();
    press(piano.lowest + place);
  };

  const start = () => {
    if (navigator.requestMIDIAccess) {
      document.querySelector(".studio-transport").append(make("button", { class: "midi", onclick: connect, "aria-label": say("connect") }, "MIDI"));
    }
    document.addEventListener("pointerdown", onPointer);
    document.addEventListener("pointerup", releaseAll);
    document.addEventListener("pointercancel", releaseAll);
    document.addEventListener("click", onClick);
    document.addEventListener("keydown", onKey);
    document.addEventListener("keyup", onKey);
    addEventListener("blur", releaseAll);
  };
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();
