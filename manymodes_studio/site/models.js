/* The exported models, run by ONNX Runtime in WebAssembly: manymodes/portable.py. */

import * as ort from "./vendor/ort.js";

const here = (path) => new URL(path, import.meta.url).href;
const read = async (path) => {
  const answer = await fetch(here(path));
  if (!answer.ok) throw new Error(`${path} is missing`);
  return answer;
};

// One thread needs no special headers from the server, and gives the same sums everywhere.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: here("vendor/ort-wasm-simd-threaded.wasm") };
ort.env.logLevel = "error";

const ARRAYS = { int32: Int32Array, float32: Float32Array };

/** The graphs of a model, its configuration and its arrays. */
export class Graphs {
  static async load(name, graphs) {
    const loaded = new Graphs();
    const sessions = graphs.map(async (graph) => {
      const bytes = new Uint8Array(await (await read(`models/${name}/${graph}.onnx`)).arrayBuffer());
      return [graph, await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] })];
    });
    Object.assign(loaded, await (await read(`models/${name}/model.json`)).json());
    loaded.sessions = Object.fromEntries(await Promise.all(sessions));
    return loaded;
  }

  /** Return the outputs of a graph for inputs, in the order of its own: typed arrays of as many rows each. */
  async run(name, ...inputs) {
    const session = this.sessions[name], fed = {};
    for (const [place, { name: input, type, shape }] of session.inputMetadata.entries()) {
      const [, ...inner] = shape, values = inputs[place];
      const data = values instanceof ARRAYS[type] ? values : ARRAYS[type].from(values);
      fed[input] = new ort.Tensor(type, data, [data.length / inner.reduce((one, other) => one * other, 1), ...inner]);
    }
    const results = await session.run(fed);
    return session.outputNames.map((output) => results[output].data);
  }
}
