// Output as lines, with colours (SGR) and carriage returns as of a terminal. All other escapes are dropped.
import { undirected } from "./text.js";

const mostCharacters = 4096;
// An escape that does not end is no escape.
const mostEscape = 2048;
const mostRuns = 200;
// Classes, colour and ground.
const noStyle = "||";
// Whole escapes, with a CSI's parameters and kind, and those that the next bytes may end.
const whole = /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|[ -/]+[0-~]|(?![[\]PX^_])[0-~])/y;
const open = /^\u001b(?:\[[ -?]*|[\]PX^_][^\u0007\u001b\u009c]*\u001b?|[ -/]*)$/;
const colours = "7d8896 ff7b72 5cc973 d9a941 77aaff d695f5 4ec4d4 dde3ea 98a3b1 ffa198 7ee794 f0cc66 a5c8ff e4b9ff 7fe3f0 ffffff".split(" ");
const flags = { 1: "bold", 2: "faint", 3: "italic", 4: "under", 7: "inverse", 9: "struck" };
const unflags = { 22: "bold faint", 23: "italic", 24: "under", 27: "inverse", 29: "struck" };
const sides = { 3: "front", 4: "back", 9: "front", 10: "back" };

// Of the first 16 a dark one as ground, so that text can be read on it.
function indexed(number, side) {
  if (number < 16) return side === "front" ? `#${colours[number]}` : `rgb(${colours[number].match(/../g).map((part) => Math.round(parseInt(part, 16) * .35))})`;
  if (number >= 232) return `rgb(${Array(3).fill(8 + (number - 232) * 10)})`;
  const cube = number - 16;
  return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => step && 55 + step * 40)})`;
}

function extended(codes, side) {
  const kind = codes.shift();
  const parts = codes.splice(0, { 5: 1, 2: 3 }[kind] ?? 0);
  if (!parts.length || !parts.every((part) => part >= 0 && part <= 255)) return "";
  return kind === 5 ? indexed(parts[0], side) : `rgb(${parts})`;
}

class Style {
  constructor() { this.reset(); }

  reset() { Object.assign(this, { set: new Set(), front: "", back: "" }); }

  take(text) {
    const codes = text.split(/[;:]/).map(Number);
    while (codes.length > 0) {
      const code = codes.shift();
      const [side, unit] = [sides[Math.floor(code / 10)], code % 10];
      if (code === 0) this.reset();
      else if (flags[code]) this.set.add(flags[code]);
      else if (unflags[code]) unflags[code].split(" ").forEach((name) => this.set.delete(name));
      else if (side && unit < 8) this[side] = indexed(unit + (code >= 90 ? 8 : 0), side);
      else if (side) this[side] = unit === 9 ? "" : extended(codes, side) || this[side];
    }
  }

  toString() {
    const isInverse = this.set.has("inverse");
    const [front, back] = isInverse ? [this.back || "#11151b", this.front || "#dde3ea"] : [this.front, this.back];
    return `${[...this.set].join(" ")}|${front}|${back}`;
  }
}

/// A line: its characters with a style each.
export class Line {
  constructor(stream) { Object.assign(this, { stream, text: [], styles: [], isCut: false, isDirty: true, element: null, weight: 0 }); }

  put(column, text, style) {
    this.isDirty = true;
    for (let at = this.text.length; at < Math.min(column, mostCharacters); at++) [this.text[at], this.styles[at]] = [" ", noStyle];
    const room = Math.max(0, mostCharacters - column);
    this.isCut ||= text.length > room;
    for (let at = 0; at < Math.min(room, text.length); at++) {
      this.text[column + at] = text[at];
      this.styles[column + at] = style;
    }
  }

  clear(from) {
    for (const list of [this.text, this.styles]) list.length = Math.min(from, list.length);
    [this.isCut, this.isDirty] = [false, true];
  }

  /// Of very many the rest is one without a style. Sets what they weigh, in characters.
  runs() {
    const runs = [];
    this.text.forEach((character, at) => {
      const style = runs.length < mostRuns ? this.styles[at] : noStyle;
      if (runs.at(-1)?.style === style) runs.at(-1).text += character;
      else runs.push({ text: character, style });
    });
    this.weight = this.text.length + 32 * runs.length;
    return runs;
  }
}

/// Reads one stream's bytes; `begin` gives a new line.
export class Reader {
  constructor(begin) {
    this.begin = begin;
    this.restart();
  }

  forget(line) { if (this.line === line) [this.line, this.column] = [null, 0]; }

  /// What came before is forgotten: bytes are missing.
  restart() {
    Object.assign(this, { decoder: new TextDecoder(), style: new Style(), now: noStyle, line: null, column: 0, escape: "" });
  }

  take(bytes) {
    const text = this.escape + this.decoder.decode(bytes, { stream: true });
    this.escape = "";
    const special = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
    let at = 0;
    while (at < text.length) {
      special.lastIndex = at;
      const end = special.exec(text)?.index ?? text.length;
      if (end > at) this.write(undirected(text.slice(at, end)));
      at = end < text.length ? this.control(text, end) : end;
    }
  }

  write(text) {
    this.line ??= this.begin();
    this.line.put(this.column, text, this.now);
    this.column += text.length;
  }

  control(text, at) {
    const character = text[at];
    if (character === "\u001b") return this.sequence(text, at);
    if (character === "\n") {
      if (!this.line) this.begin();
      [this.line, this.column] = [null, 0];
    } else if (character === "\r") this.column = 0;
    else if (character === "\b") this.column = Math.max(0, this.column - 1);
    return at + 1;
  }

  sequence(text, at) {
    whole.lastIndex = at;
    const [found, parameters, kind] = whole.exec(text) ?? [];
    if (found) {
      if (kind === "m") {
        this.style.take(parameters);
        this.now = `${this.style}`;
      } else if (kind === "K") this.line?.clear(parameters === "2" ? 0 : this.column);
      return at + found.length;
    }
    const rest = text.slice(at);
    if (rest.length > mostEscape || !open.test(rest)) return at + 1;
    this.escape = rest;
    return text.length;
  }
}
