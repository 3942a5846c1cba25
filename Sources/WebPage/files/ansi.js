// Output as lines, with colours (SGR) and carriage returns as of a terminal. All other escapes are dropped.
import { undirected } from "./text.js";

const mostCharacters = 4096;
// An escape that does not end is no escape.
const mostEscape = 2048;
const noStyle = Object.freeze({ classes: "", color: "", background: "" });
// The first 16 colours, as text and as ground, so that the one can be read on the other.
const fronts = "7d8896 ff7b72 5cc973 d9a941 7af d695f5 4ec4d4 dde3ea 98a3b1 ffa198 7ee794 f0cc66 a5c8ff e4b9ff 7fe3f0 fff".split(" ");
const backs = "000 8e2b24 1d6b31 76580f 22529f 6f3a8c 176873 5a6472 444d58 a5332a 1f7034 7a5c10 2a5fb5 7f44a0 1a6c77 5f6b7a".split(" ");
const flags = { 1: "bold", 2: "faint", 3: "italic", 4: "under", 7: "inverse", 9: "struck" };
const unflags = { 22: ["bold", "faint"], 23: ["italic"], 24: ["under"], 27: ["inverse"], 29: ["struck"] };

/// The colour with this number, of the 256.
function indexed(number, first) {
  if (number < 16) return `#${first[number]}`;
  if (number >= 232) return `rgb(${Array(3).fill(8 + (number - 232) * 10)})`;
  const level = (step) => (step === 0 ? 0 : 55 + step * 40);
  const cube = number - 16;
  return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level)})`;
}

class Style {
  constructor() { this.reset(); }

  reset() { [this.set, this.front, this.back] = [new Set(), "", ""]; }

  /// Takes the parameters of one SGR sequence.
  take(text) {
    const codes = text.split(/[;:]/).map(Number);
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at];
      if (code === 38 || code === 48) at += this.extended(code, codes.slice(at + 1));
      else this.simple(code);
    }
  }

  simple(code) {
    if (code === 0) this.reset();
    else if (flags[code]) this.set.add(flags[code]);
    else if (unflags[code]) for (const name of unflags[code]) this.set.delete(name);
    else if (code === 39) this.front = "";
    else if (code === 49) this.back = "";
    else {
      const [tens, unit] = [Math.floor(code / 10), code % 10];
      const number = unit + (tens >= 9 ? 8 : 0);
      if (unit < 8 && (tens === 3 || tens === 9)) this.front = indexed(number, fronts);
      if (unit < 8 && (tens === 4 || tens === 10)) this.back = indexed(number, backs);
    }
  }

  /// A colour of 256 or of all; the number of parameters that it has.
  extended(code, rest) {
    const isPart = (value) => value >= 0 && value <= 255;
    const [kind, ...parts] = rest;
    const colour = kind === 5 && isPart(parts[0]) ? indexed(parts[0], code === 38 ? fronts : backs)
      : kind === 2 && parts.length > 2 && parts.slice(0, 3).every(isPart) ? `rgb(${parts.slice(0, 3)})` : "";
    if (colour) this[code === 38 ? "front" : "back"] = colour;
    return kind === 5 ? 2 : kind === 2 ? 4 : 0;
  }

  /// As it is now, never changed.
  frozen() {
    const isInverse = this.set.has("inverse");
    return Object.freeze({ classes: [...this.set].join(" "), color: isInverse ? this.back || "#11151b" : this.front,
      background: isInverse ? this.front || "#dde3ea" : this.back });
  }
}

/// A line: runs of text with a style each.
export class Line {
  constructor(stream) { Object.assign(this, { stream, runs: [], length: 0, over: 0, isDirty: true, element: null }); }

  /// Puts text at a column; where that is not the end, over what is there.
  put(column, text, style) {
    const room = Math.max(0, mostCharacters - column);
    this.over += Math.max(0, text.length - room);
    const shown = text.slice(0, room);
    if (!shown) return;
    const after = column < this.length ? this.cut(column + shown.length, this.length) : [];
    this.runs = column < this.length ? this.cut(0, column) : this.runs;
    const last = this.runs.at(-1);
    if (last?.style === style) last.text += shown;
    else this.runs.push({ text: shown, style });
    this.runs.push(...after);
    this.length = Math.max(this.length, column + shown.length);
  }

  /// The runs between two columns.
  cut(from, to) {
    const found = [];
    let at = 0;
    for (const { text, style } of this.runs) {
      const part = text.slice(Math.max(0, from - at), Math.max(0, to - at));
      if (part) found.push({ text: part, style });
      at += text.length;
    }
    return found;
  }

  clear(from) {
    [this.runs, this.length] = [this.cut(0, from), Math.min(this.length, from)];
  }
}

/// Reads one stream's bytes; `begin` is called for each line that begins, and gives it.
export class Reader {
  constructor(begin) {
    this.begin = begin;
    this.restart();
  }

  /// That line is shown no more.
  forget(line) { if (this.line === line) [this.line, this.column] = [null, 0]; }

  /// What came before is forgotten: bytes are missing.
  restart() {
    this.decoder = new TextDecoder("utf-8");
    this.style = new Style();
    Object.assign(this, { now: noStyle, line: null, column: 0, escape: "" });
  }

  take(bytes) {
    let text = this.escape + this.decoder.decode(bytes, { stream: true });
    this.escape = "";
    const special = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
    let at = 0;
    while (at < text.length) {
      special.lastIndex = at;
      const end = special.exec(text)?.index ?? text.length;
      if (end > at) this.write(text.slice(at, end));
      at = end < text.length ? this.control(text, end) : end;
    }
  }

  write(text) {
    const shown = undirected(text);
    this.line ??= this.begin();
    this.line.put(this.column, shown, this.now);
    this.column += shown.length;
    this.line.isDirty = true;
  }

  /// Handles a control character; where the text goes on.
  control(text, at) {
    const character = text[at];
    if (character === "\n") {
      this.line ??= this.begin();
      [this.line, this.column] = [null, 0];
    } else if (character === "\r") this.column = 0;
    else if (character === "\b") this.column = Math.max(0, this.column - 1);
    else if (character === "\u001b") return this.sequence(text, at);
    return at + 1;
  }

  sequence(text, at) {
    const kind = text[at + 1];
    const form = kind === "[" ? /[\u0030-\u003f]*[\u0020-\u002f]*([\u0040-\u007e])/y
      : /[\]PX^_]/.test(kind ?? "") ? /[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)/y : /[\u0020-\u002f]*[\u0030-\u007e]/y;
    form.lastIndex = kind === "[" || /[\]PX^_]/.test(kind ?? "") ? at + 2 : at + 1;
    const found = form.exec(text);
    if (found) {
      if (kind === "[") this.command(found[1], found[0].slice(0, -1));
      return form.lastIndex;
    }
    // It may go on with the next bytes.
    const rest = text.slice(at);
    if (!this.isOpen(rest)) return at + 1;
    this.escape = rest;
    return text.length;
  }

  isOpen(rest) {
    if (rest.length > mostEscape) return false;
    return /^\u001b(?:$|\[[\u0020-\u003f]*$|[\]PX^_][^\u0007\u001b\u009c]*\u001b?$|[\u0020-\u002f]+$)/.test(rest);
  }

  command(final, parameters) {
    if (final === "m") {
      this.style.take(parameters);
      this.now = this.style.frozen();
    } else if (final === "K" && this.line) {
      this.line.clear(parameters === "2" ? 0 : this.column);
      this.line.isDirty = true;
    }
  }
}
