// The explorer's page: what is typed, chosen and clicked, and what is shown. Arithmetic stands in arithmetic.js.
"use strict";

const MODES = ["nearest_even", "nearest_away", "nearest_zero", "toward_zero", "toward_positive", "toward_negative", "to_odd"];
const COLOURS = { sign: "#e69f00", exponent: "#56b4e9", integer: "#56b4e9", significand: "#66c2a5", fraction: "#66c2a5" };
const formats = FORMATS.map(NUMBERS.format);
const part = (id) => document.getElementById(id);

function element(kind, words = "", properties = {}) {
  const made = Object.assign(document.createElement(kind), properties);
  made.textContent = words;
  return made;
}

// shortest text of a value: as Python writes a float
function words(value) {
  if (value.kind === "nan") return "NaN";
  if (value.kind === "inf") return value.negative ? "-inf" : "inf";
  const x = NUMBERS.toNumber(value);
  return Object.is(x, -0) ? "-0" : String(x);
}

function bitsOf(f, code) {
  return code === null ? "" : code.toString(2).padStart(f.bits, "0");
}

// the same with a space between the fields
function bitText(f, code) {
  const bits = bitsOf(f, code);
  let at = 0;
  return f.fields.map(([, width]) => bits.slice(at, (at += width))).join(" ");
}

function signed(value, digits = 4) {
  const x = NUMBERS.toNumber(value);
  if (x === 0) return "0";
  const plain = Math.abs(x) >= 1e-4 && Math.abs(x) < 1e6;
  return (x > 0 ? "+" : "") + (plain ? String(Number(x.toPrecision(digits))) : x.toExponential(digits - 1));
}

// ------------------------------------------------------------ what is shown
function showBits(f, code) {
  const row = part("bits");
  row.replaceChildren();
  const bits = bitsOf(f, code);
  let at = 0;
  for (const [name, width] of f.fields) {
    const field = element("div", "", { className: "field" });
    const boxes = element("div", "", { className: "boxes" });
    for (let i = 0; i < width; i++, at++) boxes.append(bitButton(f, code, bits, at, name));
    field.append(boxes, element("div", width > 3 || name.length < 5 ? name : name[0], { className: "name", title: name }));
    row.append(field);
  }
  part("meaning").textContent = code === null ? `${f.name} has no code for NaN` : `${meaning(f, code)}, code 0x${code.toString(16)}`;
}

function bitButton(f, code, bits, at, name) {
  const button = element("button", code === null ? "" : bits[at], { type: "button", className: "bit" });
  button.style.background = COLOURS[name];
  button.setAttribute("aria-label", `${name}, bit ${f.bits - 1 - at}: ${bits[at] ?? "none"}`);
  button.disabled = code === null;
  button.addEventListener("click", () => {
    setValue(NUMBERS.decode(f, code ^ (1n << BigInt(f.bits - 1 - at))), code ^ (1n << BigInt(f.bits - 1 - at)));
    part("bits").querySelectorAll("button")[at].focus();
  });
  return button;
}

// a code read as a formula, from its fields
function meaning(f, code) {
  const value = NUMBERS.decode(f, code);
  if (value.kind !== "number") return words(value);
  if (f.twos) return `${BigInt.asIntN(f.bits, code)} × 2^${f.emin - f.precision + 1}`;
  const magnitude = f.signed ? code & ((1n << BigInt(f.bits - 1)) - 1n) : code;
  const per = 1n << BigInt(f.precision - 1);
  const field = Number(magnitude / per);
  const fraction = Number(magnitude % per) / Number(per);
  const sign = value.n < 0n ? "−" : "+";
  if (field === 0 && f.lowest === "subnormal") return `${sign} 2^${f.emin} × ${fraction}, subnormal`;
  return `${sign} 2^(${field} − ${f.bias}) × ${1 + fraction}`;
}

function showLine(below, above, value) {
  const there = NUMBERS.finite(below) && NUMBERS.finite(above) && NUMBERS.finite(value);
  const gap = there ? NUMBERS.toNumber(NUMBERS.minus(above, below)) : 0;
  const share = gap ? NUMBERS.toNumber(NUMBERS.minus(value, below)) / gap : 0;
  part("below").textContent = words(below);
  part("above").textContent = words(above);
  part("dot").setAttribute("cx", 40 + 520 * share);
  part("line").style.display = gap ? "" : "none";
  part("share").textContent = !there ? "Beyond the range, or no number." : !gap ? "The number is on the grid: no rounding changes it."
    : `${(100 * share).toPrecision(6)} % of the way up: with this probability stochastic rounding gives the upper neighbour.`;
}

function showModes(f, value, chosen) {
  const rows = part("modes");
  rows.replaceChildren();
  const gap = ["toward_positive", "toward_negative"].map((mode) => NUMBERS.round(f, value, mode));
  for (const mode of MODES) {
    const result = NUMBERS.round(f, value, mode);
    const error = NUMBERS.finite(result) && NUMBERS.finite(value) ? NUMBERS.minus(result, value) : null;
    const whole = error && gap.every(NUMBERS.finite) ? NUMBERS.toNumber(NUMBERS.minus(gap[0], gap[1])) : 0;
    const row = element("tr", "", { className: mode === chosen ? "chosen" : "" });
    const inGaps = error && whole ? (NUMBERS.toNumber(error) / whole).toFixed(4) : error && error.kind === "zero" ? "0" : "–";
    for (const cell of [mode, words(result), bitText(f, NUMBERS.encode(f, result)), error ? signed(error) : "–", inGaps]) row.append(element("td", cell));
    rows.append(row);
  }
}

function showOthers(value, mode) {
  const rows = part("others");
  rows.replaceChildren();
  for (const f of formats) {
    const result = NUMBERS.round(f, value, mode);
    let share = "–";
    if (NUMBERS.finite(result) && value.kind === "number") {
      const error = NUMBERS.minus(result, value);
      share = error.kind === "zero" ? "exact" : signed({ kind: "number", n: 100n * error.n * value.d, d: error.d * (value.n < 0n ? -value.n : value.n) }, 3) + " %";
    }
    const row = element("tr");
    const code = NUMBERS.encode(f, result);
    const bits = code === null ? "–" : f.bits > 24 ? "0x" + code.toString(16) : bitText(f, code);
    for (const cell of [f.name, words(result), bits, share]) row.append(element("td", cell));
    row.firstChild.className = "link";
    row.addEventListener("click", () => { part("format").value = f.name; show(); });
    rows.append(row);
  }
}

// ------------------------------------------------------------ what is typed, chosen and clicked
let kept = null; // the code that was set bit by bit: a NaN's other codes, -0

function setValue(value, code) {
  part("value").value = NUMBERS.exactText(value) ?? words(value);
  show(code);
}

function show(code = null) {
  const f = formats.find((item) => item.name === part("format").value);
  const mode = part("rounding").value;
  const value = NUMBERS.parse(part("value").value);
  part("value").setAttribute("aria-invalid", String(value === null));
  part("wrong").hidden = value !== null;
  if (value === null) return;
  const result = NUMBERS.round(f, value, mode);
  kept = code ?? NUMBERS.encode(f, result);
  part("result").textContent = words(result);
  showBits(f, kept);
  showLine(NUMBERS.round(f, value, "toward_negative"), NUMBERS.round(f, value, "toward_positive"), value);
  showModes(f, value, mode);
  showOthers(value, mode);
  part("source").textContent = f.source;
  const state = new URLSearchParams({ value: part("value").value, format: f.name, rounding: mode });
  try { history.replaceState(null, "", "#" + state); } catch { /* a frame without a history */ }
}

// the next number of the format, up or down
function step(up) {
  const f = formats.find((item) => item.name === part("format").value);
  if (kept === null) return;
  const here = NUMBERS.decode(f, kept);
  const last = (1n << BigInt(f.bits)) - 1n;
  let best = null;
  for (const code of [kept - 1n, kept + 1n, 0n, 1n, 1n + (1n << BigInt(f.bits - 1))]) {
    if (code < 0n || code > last) continue;
    const value = NUMBERS.decode(f, code);
    if (value.kind === "nan" || !isAfter(value, here, up) || (best && isAfter(value, best.value, up))) continue;
    best = { code, value };
  }
  if (best) setValue(best.value, best.code);
}

function isAfter(a, b, up) {
  const [x, y] = [NUMBERS.toNumber(a), NUMBERS.toNumber(b)];
  return up ? x > y : x < y;
}

function start() {
  for (const f of formats) part("format").append(element("option", f.name, { value: f.name }));
  for (const mode of MODES) part("rounding").append(element("option", mode, { value: mode }));
  const state = new URLSearchParams(location.hash.slice(1));
  for (const id of ["value", "format", "rounding"]) if (state.has(id)) part(id).value = state.get(id);
  if (!part("format").value) part("format").value = formats[0].name;
  if (!part("rounding").value) part("rounding").value = MODES[0];
  for (const id of ["value", "format", "rounding"]) part(id).addEventListener("input", () => show());
  part("up").addEventListener("click", () => step(true));
  part("down").addEventListener("click", () => step(false));
  for (const button of document.querySelectorAll("[data-value]")) {
    button.addEventListener("click", () => { part("value").value = button.dataset.value; show(); });
  }
  show();
}

start();
