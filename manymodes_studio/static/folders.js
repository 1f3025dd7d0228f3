/* Folders for fields of MIDI files, which take single files only: dropped onto them, or chosen by a button. */
(() => {
  "use strict";
  const { make } = window.studio;
  const FIELDS = "#studio-generated, #studio-original";

  const within = async (entry) => {
    if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
    const [reader, found] = [entry.createReader(), []];
    for (;;) {  // a folder is read in parts
      const part = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!part.length) return found;
      for (const one of part) found.push(...await within(one));
    }
  };
  const give = (field, files) => {
    const input = field.querySelector("input[type=file]");
    const carrier = new DataTransfer();
    for (const file of files) if (/\.midi?$/i.test(file.name) && !file.name.startsWith(".")) carrier.items.add(file);
    if (!input || !carrier.files.length) return;
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("drop", async (event) => {
    const field = event.target.closest?.(FIELDS);
    const entries = field ? [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean) : [];
    if (!entries.some((entry) => entry.isDirectory)) return;  // Gradio takes files
    event.preventDefault();
    event.stopPropagation();
    give(field, (await Promise.all(entries.map(within))).flat());
  }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-folder]");
    if (!button) return;
    const field = document.getElementById(button.dataset.folder);
    const input = make("input", { type: "file", webkitdirectory: true, onchange: () => give(field, input.files) });
    input.click();
  });
})();
