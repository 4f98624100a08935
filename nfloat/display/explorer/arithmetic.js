// Exact arithmetic of number formats, in integers of any length: nothing here rounds twice, or in floating point.
//
// A value is {kind: "nan"}, {kind: "inf", negative}, {kind: "zero", negative} or {kind: "number", n, d}: the fraction
// n / d of BigInts with d > 0. A format is what nfloat's catalogue says of it (nfloat/display/explorer writes it here).
// tests/display compares all of this with nfloat's own results.
"use strict";

const NUMBERS = (() => {
  const NAN = { kind: "nan" };
  const infinity = (negative) => ({ kind: "inf", negative });
  const zero = (negative) => ({ kind: "zero", negative });
  const magnitudeOf = (n) => (n < 0n ? -n : n);

  function number(n, d = 1n) {
    return n === 0n ? zero(false) : { kind: "number", n, d };
  }

  // m 2^e
  function scaled(m, e) {
    return e >= 0 ? number(m << BigInt(e)) : number(m, 1n << BigInt(-e));
  }

  // whether a < b, of fractions
  function less(a, b) {
    return a.n * b.d < b.n * a.d;
  }

  function floorLog2(n, d) {
    const guess = n.toString(2).length - d.toString(2).length;
    const power = guess >= 0 ? { n: 1n << BigInt(guess), d: 1n } : { n: 1n, d: 1n << BigInt(-guess) };
    return less({ n, d }, power) ? guess - 1 : guess;
  }

  // what a text says, exactly: 0.1, 1e-3, 0x1.8p-3, 1/3, inf, nan; null if it is no number
  function parse(text) {
    const found = /^([+-]?)(.*)$/s.exec(text.trim().toLowerCase());
    const negative = found[1] === "-";
    const value = unsigned(found[2]);
    if (value === null || !negative || value.kind === "nan") return value;
    if (value.kind === "number") return { ...value, n: -value.n };
    return { ...value, negative };
  }

  function unsigned(text) {
    if (text === "inf" || text === "infinity") return infinity(false);
    if (text === "nan") return NAN;
    const slash = /^(\d{1,300})\s*\/\s*(\d{1,300})$/.exec(text);
    if (slash) return BigInt(slash[2]) === 0n ? null : number(BigInt(slash[1]), BigInt(slash[2]));
    const hex = /^0x([0-9a-f]{0,300})(?:\.([0-9a-f]{0,300}))?(?:p([+-]?\d{1,5}))?$/.exec(text);
    if (hex && (hex[1] || hex[2])) return power(BigInt("0x0" + hex[1] + (hex[2] || "")), 2n, Number(hex[3] || 0) - 4 * (hex[2] || "").length);
    const decimal = /^(\d{0,300})(?:\.(\d{0,1100}))?(?:e([+-]?\d{1,5}))?$/.exec(text);
    if (!decimal || !(decimal[1] || decimal[2])) return null;
    return power(BigInt("0" + decimal[1] + (decimal[2] || "")), 10n, Number(decimal[3] || 0) - (decimal[2] || "").length);
  }

  // m base^e
  function power(m, base, e) {
    return e >= 0 ? number(m * base ** BigInt(e)) : number(m, base ** BigInt(-e));
  }

  // ------------------------------------------------------------ codes
  function split(f, code) {
    const half = 1n << BigInt(f.bits - 1);
    const negative = f.signed && code >= half;
    return { negative, magnitude: negative ? code - half : code };
  }

  function decode(f, code) {
    if (f.twos) return scaled(code >> BigInt(f.bits - 1) ? code - (1n << BigInt(f.bits)) : code, f.emin - f.precision + 1);
    const { negative, magnitude } = split(f, code);
    if (negative && magnitude === 0n && f.nan === "negative_zero") return NAN;
    if (magnitude > f.maxCode) return f.hasInf && magnitude === f.maxCode + 1n ? infinity(negative) : NAN;
    const perBinade = 1n << BigInt(f.precision - 1);
    const field = Number(magnitude / perBinade);
    const fraction = magnitude % perBinade;
    let m = perBinade + fraction;
    let e = f.emin + field;
    if (f.lowest === "subnormal") {
      if (field === 0) m = f.flushesInput ? 0n : fraction;
      e = f.emin + Math.max(field, 1) - 1;
    } else if (magnitude === 0n && f.lowest === "zero_first") m = 0n;
    if (m === 0n) return zero(negative);
    return scaled(negative ? -m : m, e - f.precision + 1);
  }

  // the code of a value of the format; null where it has none
  function encode(f, value) {
    if (value.kind === "nan") return f.nanCode;
    if (value.kind === "zero") return value.negative && f.hasNegativeZero ? 1n << BigInt(f.bits - 1) : 0n;
    const negative = value.kind === "inf" ? value.negative : value.n < 0n;
    const sign = negative ? 1n << BigInt(f.bits - 1) : 0n;
    if (value.kind === "inf") return f.hasInf ? sign + f.maxCode + 1n : null;
    if (f.twos) return BigInt.asUintN(f.bits, steps(value.n, value.d, f.emin - f.precision + 1).low);
    return sign + index(f, magnitudeOf(value.n), value.d);
  }

  // how many positive numbers of the format are not above n / d, which is one of them (E8M0: below it)
  function index(f, n, d) {
    const e = floorLog2(n, d);
    if (e < f.emin) return steps(n, d, f.emin - f.precision + 1).low;
    const perBinade = 1n << BigInt(f.precision - 1);
    const below = BigInt(e - f.emin + (f.lowest === "subnormal" ? 1 : 0));
    return below * perBinade + steps(n, d, e - f.precision + 1).low - perBinade;
  }

  // n / d in units of 2^q: the whole ones, and the rest as a fraction of one
  function steps(n, d, q) {
    const top = q >= 0 ? n : n << BigInt(-q);
    const bottom = q >= 0 ? d << BigInt(q) : d;
    const low = top / bottom;
    return { low, rest: top - low * bottom, of: bottom };
  }

  // ------------------------------------------------------------ rounding
  function round(f, value, mode) {
    if (value.kind === "nan") return NAN;
    if (value.kind === "inf") return beyond(f, mode, value.negative).infinite;
    const negative = value.kind === "zero" ? value.negative : value.n < 0n;
    const none = f.hasZero ? zero(negative && f.hasNegativeZero) : beyond(f, mode, true).finite;
    if (value.kind === "zero") return none;
    const n = magnitudeOf(value.n);
    const tiny = less({ n, d: value.d }, f.smallestNormal);
    if (tiny && f.flushesInput) return none;
    const a = roundMagnitude(f, n, value.d, negative, mode);
    if (a.kind === "zero" || (less(a, f.smallestNormal) && (f.flushesOutput || !f.hasZero))) {
      return f.hasZero || negative ? none : f.min;
    }
    const signed = negative ? { ...a, n: -a.n } : a;
    const least = f.min.kind === "zero" ? { n: 0n, d: 1n } : f.min;
    return less(f.max, signed) || less(signed, least) ? beyond(f, mode, negative).finite : signed;
  }

  function roundMagnitude(f, n, d, negative, mode) {
    const q = (f.twos ? f.emin : Math.max(floorLog2(n, d), f.emin)) - f.precision + 1;
    const { low, rest, of } = steps(n, d, q);
    if (rest === 0n) return number(n, d);
    return scaled(goesUp(f, low, rest, of, q, negative, mode) ? low + 1n : low, q);
  }

  function goesUp(f, low, rest, of, q, negative, mode) {
    const side = 2n * rest - of;
    if (mode === "toward_zero") return false;
    if (mode === "toward_positive") return !negative;
    if (mode === "toward_negative") return negative;
    if (mode === "to_odd") return isEven(f, low, q);
    if (side !== 0n) return side > 0n;
    return mode === "nearest_away" || (mode === "nearest_even" && !isEven(f, low, q));
  }

  // of the significand; of the code where a significand has one bit
  function isEven(f, low, q) {
    if (f.precision > 1 || low === 0n) return low % 2n === 0n;
    if (!f.hasZero) return false;
    const a = scaled(low, q);
    return index(f, a.n, a.d) % 2n === 0n;
  }

  // what a number past the range becomes, and what an infinity does
  function beyond(f, mode, negative) {
    const limit = negative ? f.min : f.max;
    if (negative && !f.signed) return f.hasNan ? { finite: NAN, infinite: NAN } : { finite: limit, infinite: limit };
    if (f.overflow === "nan") return { finite: NAN, infinite: NAN };
    if (f.overflow === "saturate") return { finite: limit, infinite: limit };
    const infinite = infinity(negative);
    if (f.overflow === "saturate_finite") return { finite: limit, infinite: f.hasInf ? infinite : limit };
    return { finite: turnsBack(f, mode, negative) ? limit : infinite, infinite };
  }

  function turnsBack(f, mode, negative) {
    if (mode === "to_odd") return f.nan !== "negative_zero" || f.maxCode % 2n === 1n;
    return mode === "toward_zero" || mode === (negative ? "toward_positive" : "toward_negative");
  }

  // ------------------------------------------------------------ formats as the page holds them
  function format(facts) {
    const f = { ...facts };
    for (const key of ["maxCode", "maxSignificand"]) f[key] = BigInt(facts[key]);
    f.nanCode = facts.nanCode === null ? null : BigInt(facts.nanCode);
    f.max = scaled(f.maxSignificand, f.emax - f.precision + 1);
    f.smallestNormal = f.twos ? scaled(1n, f.emin - f.precision + 1) : scaled(1n, f.emin);
    if (f.lowest === "zero_first") f.smallestNormal = scaled((1n << BigInt(f.precision - 1)) + 1n, f.emin - f.precision + 1);
    f.min = { ...f.max, n: -f.max.n };
    if (f.twos) f.min = scaled(-(f.maxSignificand + 1n), f.emin - f.precision + 1);
    else if (!f.signed) f.min = f.hasZero ? zero(false) : f.smallestNormal;
    return f;
  }

  // ------------------------------------------------------------ for people
  // the nearest float64 of a fraction, near enough to show; exact for numbers of a format
  function toNumber(value) {
    if (value.kind === "nan") return NaN;
    if (value.kind === "inf") return value.negative ? -Infinity : Infinity;
    if (value.kind === "zero") return value.negative ? -0 : 0;
    const n = magnitudeOf(value.n);
    const q = Math.max(floorLog2(n, value.d) - 54, -1074);
    const { low } = steps(n, value.d, q);
    const top = Math.max(q, -1000);
    const size = Number(low) * 2 ** (q - top) * 2 ** top;
    return value.n < 0n ? -size : size;
  }

  // all digits of a number whose denominator is a power of two; in hexadecimal where they are many
  function exactText(value) {
    if (value.kind !== "number") return value.kind === "zero" ? (value.negative ? "-0" : "0") : null;
    const twos = value.d.toString(2).length - 1;
    const n = magnitudeOf(value.n);
    const sign = value.n < 0n ? "-" : "";
    if (twos === 0 && n.toString().length <= 21) return sign + n;
    const digits = (n * 5n ** BigInt(twos)).toString().padStart(twos + 1, "0");
    if (twos && digits.length <= 24) return `${sign}${digits.slice(0, -twos)}.${digits.slice(-twos)}`.replace(/0+$/, "");
    const zeros = n.toString(2).length - n.toString(2).replace(/0+$/, "").length;
    return `${sign}0x${(n >> BigInt(zeros)).toString(16)}p${zeros - twos}`;
  }

  function minus(a, b) {
    const one = a.kind === "zero" ? { n: 0n, d: 1n } : a;
    const other = b.kind === "zero" ? { n: 0n, d: 1n } : b;
    return number(one.n * other.d - other.n * one.d, one.d * other.d);
  }

  const finite = (value) => value.kind === "number" || value.kind === "zero";
  return { parse, decode, encode, round, format, toNumber, exactText, minus, finite };
})();

if (typeof module !== "undefined") module.exports = NUMBERS;
