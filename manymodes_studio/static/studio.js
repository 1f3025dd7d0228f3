/* One transport for the page, playheads, and the takes that a visitor keeps. Plain JavaScript: no build step, no request elsewhere. */
(() => {
  "use strict";
  const page = location.pathname.match(/\/([a-z]+)\/?$/)?.[1];
  const language = page in window.studioWords ? page : "en";
  const words = window.studioWords[language];
  const home = `${location.origin}${language === "en" ? location.pathname : location.pathname.replace(/[a-z]+\/?$/, "")}`;
  const say = (key) => words[key] || key;
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  // --- transport ----------------------------------------------------------------------------------------------

  const transport = {
    context: null, source: null, take: null, buffer: null, begun: 0, paused: 0, playing: false,

    get position() {
      if (!this.playing) return this.paused;
      return this.take.loop ? this.passed % this.buffer.duration : Math.min(this.passed, this.buffer.duration);
    },
    get passed() { return this.context.currentTime - this.begun; },
    async load(take) {
      this.stop();
      this.take = take;
      this.buffer = null;
      this.paused = 0;
      show();
      const answer = take.blob || await (await fetch(take.audio)).blob();
      const bytes = await answer.arrayBuffer();
      this.context ||= new AudioContext();
      const buffer = await this.context.decodeAudioData(bytes);
      if (this.take === take) this.buffer = buffer;
      show();
    },
    async play(take = this.take, from = null) {
      if (!take) return;
      if (take !== this.take || !this.buffer) await this.load(take);
      if (this.take !== take) return;  // another one was asked for meanwhile
      await this.context.resume();
      const place = from ?? (this.paused < this.buffer.duration - 0.05 ? this.paused : 0);
      this.silence();
      quiet.forEach((player) => player.pause());
      const source = this.context.createBufferSource();
      source.buffer = this.buffer;
      source.loop = Boolean(take.loop);
      const volume = new GainNode(this.context, { gain: this.elsewhere?.(take) ? 0 : 1 });
      source.connect(volume).connect(this.context.destination);
      source.onended = () => { if (this.source === source) this.stop(); };
      source.start(0, place);
      [this.source, this.begun, this.playing] = [source, this.context.currentTime - place, true];
      show();
      requestAnimationFrame(frame);
      this.onplay?.(take, source);
    },
    pause() {
      if (!this.playing) return;
      this.paused = this.position;
      this.silence();
      show();
    },
    stop() {
      this.silence();
      this.paused = 0;
      show();
      draw();
    },
    silence() {
      const source = this.source;
      [this.source, this.playing] = [null, false];
      source?.stop();
      this.onsilence?.();
    },
    toggle() { return this.playing ? this.pause() : this.play(); },
    seek(seconds) {
      if (this.playing) this.play(this.take, seconds);
      else { this.paused = seconds; draw(); }
    },
  };

  // players of uploads sound alone, too
  const quiet = new Set();
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    quiet.add(this);
    transport.pause();
    return play.call(this);
  };

  const bar = {};
  const buildBar = () => {
    bar.toggle = make("button", { class: "big", "aria-label": say("play"), onclick: () => transport.toggle() }, "▶");
    bar.stop = make("button", { "aria-label": say("stop"), onclick: () => transport.stop() }, "■");
    bar.title = make("span", { class: "title" }, say("nothing"));
    bar.seek = make("input", {
      type: "range", min: 0, max: 1000, value: 0, "aria-label": say("position"),
      oninput: () => transport.buffer && transport.seek(bar.seek.value / 1000 * transport.buffer.duration),
    });
    bar.time = make("span", { class: "time" }, "0:00");
    const place = { class: "studio-transport", role: "region", "aria-label": say("transport") };
    document.body.append(make("div", place, bar.toggle, bar.stop, bar.title, bar.seek, bar.time));
  };

  const show = () => {
    if (!bar.title) return;
    const { take, playing } = transport;
    bar.toggle.textContent = playing ? "❚❚" : "▶";
    bar.toggle.setAttribute("aria-label", say(playing ? "pause" : "play"));
    bar.toggle.disabled = bar.stop.disabled = !take;
    bar.title.textContent = take ? take.title : say("nothing");
    for (const button of document.querySelectorAll("[data-toggles]")) {
      button.textContent = playing ? `❚❚ ${say("pause")}` : `▶ ${say("play")}`;
      button.setAttribute("aria-label", say(playing ? "pause" : "play-tune"));
    }
    for (const button of document.querySelectorAll("[data-plays]")) {
      button.classList.toggle("playing", playing && take?.id === button.dataset.plays);
    }
  };

  const frame = () => {
    draw();
    if (transport.playing) requestAnimationFrame(frame);
  };

  const draw = () => {
    const { take, buffer, position } = transport;
    if (!bar.seek || !take) return;
    if (document.activeElement !== bar.seek || transport.playing) bar.seek.value = buffer ? 1000 * position / buffer.duration : 0;
    bar.time.textContent = clock(position);
    for (const element of document.querySelectorAll(".studio-take")) {
      const shown = element.take === take && (transport.playing || position > 0);
      element.classList.toggle("sounding", shown);
      if (!shown) continue;
      for (const line of element.querySelectorAll(".timeline")) {
        const [from, to] = [Number(line.dataset.from), Number(line.dataset.to)];
        const place = (position - from) / (to - from);
        const head = line.querySelector(".playhead");
        head.hidden = place < 0 || place > 1;
        head.style.left = `${100 * place}%`;
        const view = line.closest(".scroll");
        const x = place * line.clientWidth;
        if (view && transport.playing && (x < view.scrollLeft || x > view.scrollLeft + view.clientWidth - 20)) view.scrollLeft = x - 20;
      }
      const score = element.querySelector("[data-onsets]");
      if (score) {
        const onsets = score.onsets ||= JSON.parse(score.dataset.onsets);
        const notes = score.notes ||= [...score.querySelectorAll("g.note")];
        let now = -1;
        while (now + 1 < onsets.length && onsets[now + 1] <= position + 0.01) now += 1;
        if (score.now !== now) {
          notes[score.now]?.classList.remove("now");
          notes[now]?.classList.add("now");
          score.now = now;
        }
      }
    }
  };

  const onClick = (event) => {
    const target = event.target;
    const element = target.closest?.(".studio-take");
    const line = target.closest?.(".timeline");
    if (line && element?.take && !target.closest("button.cell, button.number")) {
      const box = line.getBoundingClientRect();
      const [from, to] = [Number(line.dataset.from), Number(line.dataset.to)];
      transport.play(element.take, from + (event.clientX - box.left) / box.width * (to - from));
    }
    const note = target.closest?.("g.note");
    if (note && element?.take) {
      const score = note.closest("[data-onsets]");
      const place = [...score.querySelectorAll("g.note")].indexOf(note);
      transport.play(element.take, JSON.parse(score.dataset.onsets)[place]);
    }
    const cell = target.closest?.("button.cell");
    if (cell) toggleCell(cell);
    const row = target.closest?.("[data-row]");
    if (row && target.matches("button.state")) switchRow(row, target);
    const number = target.closest?.("button.number");
    if (number) selectBars(element, Number(number.dataset.bar), event.shiftKey);
    if (target.closest?.("[data-toggles]")) transport.toggle();
    const style = target.closest?.("[data-style]");
    if (style) tell("studio-style", style.dataset.style);
    const other = target.closest?.("a[data-language]");
    if (other) document.cookie = `${window.studioWords.cookie}=${other.dataset.language}; path=/; max-age=31536000; SameSite=Lax`;
  };

  // --- what the server is told --------------------------------------------------------------------------------

  const tell = (name, value) => {
    const field = document.querySelector(`#${name} textarea, #${name} input`);
    if (!field) return;
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  let counted = 0;
  const tellOnce = (name, value) => tell(name, JSON.stringify({ ...value, number: Date.now() * 100 + (counted += 1) }));

  const selectBars = (element, number, extend) => {
    const chosen = element.bars && (extend || element.bars[0] === element.bars[1])
      ? [Math.min(element.bars[0], number), Math.max(element.bars[1], number)] : [number, number];
    element.bars = chosen;
    for (const button of element.querySelectorAll("button.number")) {
      const place = Number(button.dataset.bar);
      button.setAttribute("aria-pressed", place >= chosen[0] && place <= chosen[1]);
    }
    tell("studio-bars", `${chosen[0]}-${chosen[1]}`);
  };

  const toggleCell = (cell) => {
    const on = cell.getAttribute("aria-pressed") !== "true";
    cell.setAttribute("aria-pressed", on);
    tellOnce("studio-hit", { at: cell.dataset.at.split(",").map(Number), on });
  };

  const switchRow = (row, button) => {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
    const name = row.dataset.row;
    for (const other of row.closest(".studio-grid").querySelectorAll(`[data-row="${name}"] button.${button.dataset.state}`)) {
      other.setAttribute("aria-pressed", button.getAttribute("aria-pressed"));
    }
    tellOnce("studio-row", { row: Number(name), state: button.dataset.state, on: button.getAttribute("aria-pressed") === "true" });
  };

  // arrow keys move within a drum grid, which is one stop of the tabulator
  const onKey = (event) => {
    const cell = event.target.closest?.("button.cell");
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (cell && step) {
      let [place, row] = [Number(cell.dataset.at.split(",")[0]) * 16 + Number(cell.dataset.at.split(",")[1]) + step[0],
        Number(cell.dataset.at.split(",")[2]) + step[1]];
      const next = cell.closest(".studio-grid").querySelector(`[data-at="${Math.floor(place / 16)},${place % 16},${row}"]`);
      if (next) {
        [cell.tabIndex, next.tabIndex] = [-1, 0];
        next.focus();
      }
      event.preventDefault();
    } else if (event.key === " " && !event.target.closest?.("button, input, textarea, select, [role=tab], [role=option], [contenteditable]")) {
      event.preventDefault();
      transport.toggle();
    }
  };

  // --- a pad between four styles ------------------------------------------------------------------------------

  const onPad = (event) => {
    const pad = event.target.closest?.(".studio-pad");
    if (!pad || (event.type === "pointermove" && !event.buttons)) return;
    const box = pad.getBoundingClientRect();
    movePad(pad, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };

  const movePad = (pad, x, y) => {
    const within = (value) => Math.min(1, Math.max(0, value));
    [pad.x, pad.y] = [within(x), within(y)];
    pad.querySelector(".dot").style.cssText = `left:${100 * pad.x}%;top:${100 * pad.y}%`;
    clearTimeout(pad.waiting);
    pad.waiting = setTimeout(() => tellOnce("studio-pad-place", { x: pad.x, y: pad.y }), 200);
  };

  const onPadKey = (event) => {
    const pad = event.target.closest?.(".studio-pad");
    const step = { ArrowRight: [0.1, 0], ArrowLeft: [-0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (!pad || !step) return;
    movePad(pad, (pad.x ?? 0) + step[0], (pad.y ?? 0) + step[1]);
    event.preventDefault();
  };

  // --- takes --------------------------------------------------------------------------------------------------

  const LATEST = 12;
  const UNSAFE = /[\\/:*?"<>|]/g;  // in names of files
  const shelf = { takes: [], list: null };
  const database = new Promise((resolve) => {
    const opening = indexedDB.open("manymodes-studio", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("takes", { keyPath: "id" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => resolve(null);  // a private window without storage
  }).catch(() => null);  // or a frame that may not even ask for it
  const stored = async (mode, use) => {
    const base = await database;
    if (!base) return null;
    const transaction = base.transaction("takes", mode);
    const request = use(transaction.objectStore("takes"));
    return new Promise((resolve) => {
      transaction.oncomplete = () => resolve(request.result);  // on the disk, even if the page is left now
      transaction.onabort = () => resolve(null);
    });
  };
  const save = ({ id, title, tab, values, loop, when, blob, midi, kept }) =>
    stored("readwrite", (store) => store.put({ id, title, tab, values, loop, when, blob, midi, kept }));

  const keep = async (take) => {
    take.blob ||= await (await fetch(take.audio)).blob();
    if (typeof take.midi === "string") take.midi = await (await fetch(take.midi)).blob();
    await save({ ...take, kept: true });
    take.kept = true;  // only now: what is shown as kept is stored
    list();
  };

  const remove = async (take) => {
    shelf.takes = shelf.takes.filter((one) => one !== take);
    if (take.kept) await stored("readwrite", (store) => store.delete(take.id));
    if (transport.take === take) transport.stop();
    shelf.removed = take;
    list();
    shelf.list.querySelector(".removed button").focus();
  };

  const putBack = async (take) => {
    shelf.removed = null;
    if (take.kept) await save(take);
    shelf.takes.push(take);
    list();
  };

  // a change of a take remembers how to take it back
  const rename = (take, title) => {
    const { title: former, undo: earlier } = take;
    take.title = title;
    take.undo = () => { [take.title, take.undo] = [former, earlier]; if (take.kept) save(take); };
    if (take.kept) save(take);
  };
  const replace = (take, former) => {
    shelf.takes = shelf.takes.map((one) => one === take ? former : one);
    if (transport.take === take) transport.load(former);
  };

  const link = (take) => `${home}#take=${encodeURIComponent(JSON.stringify({ tab: take.tab, values: take.values }))}`;

  const openTab = (name) => {
    const tab = [...document.querySelectorAll("button[role=tab]")].find((one) => one.textContent.trim() === name || one.dataset.tabId === name);
    tab?.click();
  };

  const card = (take) => {
    const name = make("input", {
      value: take.title, "aria-label": say("name"),
      onchange: () => { rename(take, name.value); file.download = fileName(); undo.hidden = false; show(); },
    });
    const undo = make("button", {
      hidden: !take.undo, "aria-label": `${say("undo")} ${take.title}`, onclick: () => { take.undo(); list(); },
    }, say("undo"));
    const button = (key, action, more = {}) => make("button", { onclick: action, ...more }, say(key));
    const parts = [
      make("button", { class: "play", "data-plays": take.id, "aria-label": `${say("play")} ${take.title}`, onclick: () =>
        transport.take === take && transport.playing ? transport.pause() : transport.play(take) }, "▶"),
      name,
      take.kept ? make("span", { class: "kept" }, `★ ${say("kept")}`) : button("keep", () => keep(take)),
    ];
    if (take.values) {
      parts.push(button("open", () => { openTab(say(`tab.${take.tab}`)); tellOnce(`studio-restore-${take.tab}`, { values: take.values }); }));
      parts.push(button("four", () => tellOnce(`studio-more-${take.tab}`, { values: take.values })));
      parts.push(make("a", { href: link(take), onclick: (event) => {
        event.preventDefault();
        navigator.clipboard?.writeText(link(take));
        event.target.textContent = say("copied");
      } }, say("link")));
    }
    const fileName = () => `${take.title.replace(UNSAFE, "-")}.mid`;
    const file = make("a", { download: fileName(), draggable: "true" }, "MIDI");
    if (typeof take.midi === "string") file.href = take.midi;
    else if (take.midi) file.href = URL.createObjectURL(take.midi);
    file.addEventListener("dragstart", (event) =>
      event.dataTransfer.setData("DownloadURL", `audio/midi:${fileName()}:${file.href}`));
    if (take.midi) parts.push(file);
    parts.push(undo, button("remove", () => remove(take), { "aria-label": `${say("remove")} ${take.title}` }));
    return make("li", { class: take.kept ? "kept" : "" }, ...parts);
  };

  const list = () => {
    if (!shelf.list?.isConnected) {
      const place = document.querySelector("#studio-shelf");
      if (!place) return;
      shelf.list = make("ul", {});
      shelf.zip = make("button", { onclick: download }, say("zip"));
      place.replaceChildren(make("h2", {}, say("takes")), shelf.list, shelf.zip);
    }
    const order = [...shelf.takes].sort((one, other) => other.when - one.when);
    const loose = order.filter((take) => !take.kept).slice(LATEST);
    shelf.takes = shelf.takes.filter((take) => !loose.includes(take));
    shelf.list.replaceChildren(...order.filter((take) => !loose.includes(take)).map(card));
    const { removed } = shelf;
    if (removed) {
      const back = make("button", { "aria-label": `${say("undo")} ${removed.title}`, onclick: () => putBack(removed) }, say("undo"));
      shelf.list.prepend(make("li", { class: "removed" }, `${say("removed")} ${removed.title}`, back));
    }
    shelf.zip.disabled = !order.some((take) => take.kept);
    show();
  };

  const adopt = (element) => {
    const take = JSON.parse(element.dataset.take);
    element.take = shelf.takes.find((one) => one.id === take.id) || take;
    if (element.take !== take) return;
    const former = shelf.takes.find((one) => take.follows && one.id === take.follows && !one.kept);
    if (former) {
      shelf.takes = shelf.takes.filter((one) => one !== former);
      take.undo = () => replace(take, former);
    }
    take.when = Date.now() + shelf.takes.length / 1000;
    shelf.takes.push(take);
    list();
    if (element.dataset.quiet !== undefined || !navigator.userActivation.hasBeenActive) {
      if (!transport.take) { transport.take = take; show(); }
    } else if (take.follows && transport.take?.id === take.follows && transport.playing) {
      transport.play(element.take, transport.position).catch(() => {});
    } else if (!take.more) {
      transport.play(element.take, 0).catch(() => {});
    }
  };

  // --- a zip, stored without compression (APPNOTE 4.3) ----------------------------------------------------------

  const table = Uint32Array.from({ length: 256 }, (_, number) => {
    for (let bit = 0; bit < 8; bit += 1) number = number & 1 ? 0xedb88320 ^ (number >>> 1) : number >>> 1;
    return number;
  });
  const crc = (bytes) => {
    let sum = 0xffffffff;
    for (const byte of bytes) sum = table[(sum ^ byte) & 255] ^ (sum >>> 8);
    return (sum ^ 0xffffffff) >>> 0;
  };
  const numbers = (...pairs) => {
    const view = new DataView(new ArrayBuffer(pairs.reduce((total, [size]) => total + size, 0)));
    let place = 0;
    for (const [size, value] of pairs) {
      size === 2 ? view.setUint16(place, value, true) : view.setUint32(place, value, true);
      place += size;
    }
    return new Uint8Array(view.buffer);
  };
  const zip = (files) => {
    const [parts, entries] = [[], []];
    let offset = 0;
    for (const [name, bytes] of files) {
      const title = new TextEncoder().encode(name);
      const common = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 33], [4, crc(bytes)], [4, bytes.length], [4, bytes.length], [2, title.length], [2, 0]];
      const head = [numbers([4, 0x04034b50], ...common), title, bytes];
      entries.push(numbers([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), title);
      parts.push(...head);
      offset += head.reduce((total, part) => total + part.length, 0);
    }
    const size = entries.reduce((total, part) => total + part.length, 0);
    return new Blob([...parts, ...entries, numbers([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0])]);
  };
  const download = async () => {
    const files = [];
    const kept = shelf.takes.filter((take) => take.kept).sort((one, other) => one.when - other.when);
    for (const [number, take] of kept.entries()) {
      const stem = `${String(number + 1).padStart(2, "0")} ${take.title.replace(UNSAFE, "-")}`;
      files.push([`${stem}.wav`, new Uint8Array(await take.blob.arrayBuffer())]);
      if (take.midi) files.push([`${stem}.mid`, new Uint8Array(await take.midi.arrayBuffer())]);
    }
    const address = URL.createObjectURL(zip(files));
    make("a", { href: address, download: "takes.zip" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  };

  // --- start --------------------------------------------------------------------------------------------------

  const follow = () => {
    for (const element of document.querySelectorAll(".studio-take[data-take]")) {
      if (element.dataset.take !== element.seen) {
        element.seen = element.dataset.take;
        adopt(element);
      }
    }
    for (const element of document.querySelectorAll(".studio-take[data-of]")) {
      element.take ||= shelf.takes.find((one) => one.id === element.dataset.of);
    }
    // Gradio names these otherwise than they read
    for (const field of document.querySelectorAll("button.upload-container[aria-label]")) field.removeAttribute("aria-label");
    if (!shelf.list?.isConnected) list();
  };

  const restoreLink = () => {
    const text = new URLSearchParams(location.hash.slice(1)).get("take");
    if (!text) return;
    try {
      const { tab, values } = JSON.parse(text);
      if (!/^[a-z]+$/.test(tab)) return;
      const waiting = setInterval(() => {
        openTab(words[`tab.${tab}`]);
        if (!document.querySelector(`#studio-restore-${tab}`)) return;
        clearInterval(waiting);
        tellOnce(`studio-restore-${tab}`, { values });
      }, 200);
      setTimeout(() => clearInterval(waiting), 20000);
    } catch { /* not a link of ours */ }
  };

  const start = async () => {
    buildBar();
    document.addEventListener("click", onClick);
    document.addEventListener("keydown", onKey);
    document.addEventListener("keydown", onPadKey);
    document.addEventListener("pointerdown", onPad);
    document.addEventListener("pointermove", onPad);
    shelf.takes = (await stored("readonly", (store) => store.getAll())) || [];  // before the page's own are added
    let pending = false;
    new MutationObserver(() => {
      if (pending) return;
      pending = true;
      setTimeout(() => { pending = false; follow(); }, 30);
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-take"] });
    follow();
    list();
    restoreLink();
  };

  // upload the melodies of kept takes, as a field for files does
  const uploadKept = async () => {
    const kept = shelf.takes.filter((take) => take.kept && take.midi);
    if (!kept.length) return null;
    const files = kept.map((take) => new File([take.midi], `${take.title.replace(UNSAFE, "-")}.mid`));
    const form = new FormData();
    files.forEach((file) => form.append("files", file));
    const answer = await fetch("gradio_api/upload", { method: "POST", body: form });
    const paths = answer.ok ? await answer.json() : [];
    return paths.map((path, place) => ({ path, orig_name: files[place].name, meta: { _type: "gradio.FileData" } }));
  };

  window.studio = { transport, shelf, uploadKept, make, say, tell };
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();
