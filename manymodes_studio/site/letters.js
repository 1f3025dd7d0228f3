/* Letters as outlines side by side: fontgan/models/portable.py and fontgan/typeface/typesetting.py. */

import { Generator } from "./random.js";

export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SIZE_PX = 28, PADDING_PX = 2, UPSAMPLING = 4, SPECK_PX2 = 1.5, HAIRLINE = 0.3, HAIRLINE_LEVEL = 0.1;
const SPACE_PX = 8, MARGIN_PX = 4, LEADING_PX = 5, STEM_PX = 2.2, RECEDING = 0.45, DEEPEST_PX = 4, LEAST_PX = 0.5;

/** Draw A to Z in the style of a seed, 28 rows of 28 numbers from -1 to 1 each, all in a row. */
export async function draw(graphs, seed) {
  const { latent_dim: width } = graphs.arrays, generator = new Generator(seed, 0, 1), codes = [];
  const latents = Array.from({ length: width }, () => generator.normalFloat());
  for (const letter of LETTERS) codes.push(...latents, ...Array.from(LETTERS, (other) => Number(other === letter)));
  return (await graphs.run("generator", Float32Array.from(codes)))[0];
}

/** Trace A to Z in the style of a seed: { letter: measured outline }; letters without ink are missing. */
export async function alphabet(graphs, seed) {
  const images = await draw(graphs, seed);
  const drawn = Array.from(LETTERS, (letter, number) => [letter, measure(images.subarray(number * SIZE_PX ** 2, (number + 1) * SIZE_PX ** 2))]);
  return Object.fromEntries(drawn.filter(([, letter]) => letter));
}

/** Enlarge rows of numbers by cubic convolution (Keys, 1981), along the rows. */
function enlarged(rows) {
  const weights = Array.from({ length: UPSAMPLING }, (_, part) => {
    const t = (part + 0.5) / UPSAMPLING - 0.5, at = Math.floor(t), x = t - at;
    return [at, [((-0.5 * x + 1) * x - 0.5) * x, (1.5 * x - 2.5) * x * x + 1, ((-1.5 * x + 2) * x + 0.5) * x, (0.5 * x - 0.5) * x * x]];
  });
  return rows.map((row) => row.flatMap((_, place) => weights.map(([at, four]) =>
    four.reduce((total, weight, number) => total + weight * row[Math.min(Math.max(place + at + number - 1, 0), row.length - 1)], 0))));
}
const turned = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));

/** Return the closed lines at level 0 of rows of numbers (marching squares), points [x, y] in their places; ink is on the right. */
function contours(rows) {
  const next = new Map(), width = rows[0].length, points = new Map();
  // an edge has the number of its first corner: twice that if it runs to the right, and 1 more if it runs down
  const crossing = (row, column, down) => {
    const key = 2 * (row * width + column) + down, [from, to] = [rows[row][column], rows[row + down][column + 1 - down]];
    const share = from / (from - to);
    points.set(key, down ? [column, row + share] : [column + share, row]);
    return key;
  };
  for (let row = 0; row + 1 < rows.length; row += 1) {
    for (let column = 0; column + 1 < width; column += 1) {
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]].map(([at, to]) => rows[at][to] > 0);
      const kind = corners.reduce((total, ink, corner) => total + (ink ? 1 << corner : 0), 0);
      if (kind === 0 || kind === 15) continue;
      const edges = [[row, column, 0], [row, column + 1, 1], [row + 1, column, 0], [row, column, 1]];
      // clockwise, each edge at which ink begins is joined with the next or the last one at which it ends
      const begins = [0, 1, 2, 3].filter((side) => !corners[side] && corners[(side + 1) % 4]);
      const full = rows[row][column] + rows[row][column + 1] + rows[row + 1][column] + rows[row + 1][column + 1] > 0;
      for (const side of begins) {
        let other = side;
        do other = (other + (full ? 3 : 1)) % 4; while (!(corners[other] && !corners[(other + 1) % 4]));
        next.set(crossing(...edges[other]), crossing(...edges[side]));
      }
    }
  }
  const found = [];
  while (next.size) {
    const line = [];
    for (let key = next.keys().next().value; next.has(key);) {
      const after = next.get(key);
      line.push(points.get(key));
      next.delete(key);
      key = after;
    }
    found.push(line);
  }
  return found;
}

/** Return the number at a place of an image, more on a hairline: thinner than a pixel, it would never cover half of one. */
function raised(image, x, y) {
  const at = (right, down) => (Math.min(x + right, y + down) >= 0 && Math.max(x + right, y + down) < SIZE_PX ? image[(y + down) * SIZE_PX + x + right] : -1);
  const across = at(1, 0) + at(-1, 0) - 2 * at(0, 0), along = at(0, 1) + at(0, -1) - 2 * at(0, 0);
  const mixed = (at(1, 1) + at(-1, -1) - at(-1, 1) - at(1, -1)) / 4;
  const ridge = Math.max(Math.hypot((across - along) / 2, mixed) - (across + along) / 2, 0);
  return Math.max(at(0, 0), Math.min(at(0, 0) + HAIRLINE * ridge, HAIRLINE_LEVEL));
}

/** Trace and measure an image of numbers from -1 to 1; null where it has no ink. */
function measure(image) {
  const places = Array.from({ length: SIZE_PX + 2 * PADDING_PX }, (_, number) => number - PADDING_PX);
  const levels = places.map((y) => places.map((x) => {
    const value = raised(image, x, y);
    return value / (2 - Math.abs(value));
  }));
  const place = (value) => (value + 0.5) / UPSAMPLING - PADDING_PX;
  const lines = contours(turned(enlarged(turned(enlarged(levels))))).map((line) => line.map(([x, y]) => [place(x), place(y)]));
  const area = (line) => line.reduce((total, [x, y], number) => {
    const [nextX, nextY] = line[(number + 1) % line.length];
    return total + (x * nextY - y * nextX) / 2;
  }, 0);
  const outline = lines.filter((line) => Math.abs(area(line)) > SPECK_PX2);
  if (!outline.length) return null;
  const [xs, ys] = [0, 1].map((axis) => outline.flat().map((point) => point[axis]));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const rows = Array.from({ length: SIZE_PX }, (_, row) => Array.from(image.subarray(row * SIZE_PX, (row + 1) * SIZE_PX), (value) => value > 0));
  const inked = rows.filter((row) => row.includes(true));
  const [before, after] = [(row) => row.indexOf(true) - left, (row) => right - row.lastIndexOf(true) - 1].map((receding) => {
    const depths = inked.map((row) => Math.min(Math.max(receding(row), 0), DEEPEST_PX));
    return Math.max(STEM_PX - RECEDING * depths.reduce((total, depth) => total + depth, 0) / depths.length, LEAST_PX);
  });
  return { outline, left, top, bottom, before, advance: before + right - left + after };
}

/** Set lines of text below each other; return an SVG, or null without a letter. */
export function set(letters, lines) {
  const used = Object.entries(letters).filter(([name]) => lines.join("").includes(name)).map(([, letter]) => letter);
  if (!used.length) return null;
  const top = Math.min(...used.map((letter) => letter.top)), pitch = Math.max(...used.map((letter) => letter.bottom)) - top + LEADING_PX;
  const short = (value) => Number(value.toFixed(2));
  let [paths, width] = ["", 0];
  for (const [number, line] of lines.entries()) {
    let x = MARGIN_PX;
    for (const letter of Array.from(line, (name) => letters[name])) {
      if (letter) {
        const [dx, dy] = [x + letter.before - letter.left, MARGIN_PX - top + pitch * number];
        const drawn = letter.outline.map((points) => `M${points.map(([px, py]) => `${short(px + dx)} ${short(py + dy)}`).join("L")}Z`);
        paths += `<path d="${drawn.join("")}"/>`;
      }
      x += letter ? letter.advance : SPACE_PX;
    }
    width = Math.max(width, x + MARGIN_PX);
  }
  const height = 2 * MARGIN_PX + pitch * lines.length - LEADING_PX;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${short(width)} ${short(height)}">${paths}</svg>`;
}
