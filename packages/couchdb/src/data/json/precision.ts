const quote = 34
const minus = 45
const dot = 46
const zero = 48
const nine = 57
const colon = 58
const backslash = 92
const underscore = 95

const isDigit = (code: number): boolean => code >= zero && code <= nine

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9

/** Where a string ends that begins before `start`: at its closing quote, or -1. */
const closing = (text: string, start: number): number => {
  for (let end = text.indexOf("\"", start);; end = text.indexOf("\"", end + 1)) {
    if (end === -1) return -1
    let escapes = end
    while (escapes > start && text.charCodeAt(escapes - 1) === backslash) escapes--
    if ((end - escapes) % 2 === 0) return end
  }
}

/** JavaScript puts keys that look like an index first, and has a meaning of its own for another one. */
const isPeculiar = (text: string, start: number, end: number): boolean => {
  const first = text.charCodeAt(start)
  if (first === underscore) return end - start === 9 && text.startsWith("__proto__", start)
  if (!isDigit(first) || end - start > 10 || (first === zero && end - start > 1)) return false
  for (let i = start + 1; i < end; i++) if (!isDigit(text.charCodeAt(i))) return false
  return true
}

const isKey = (text: string, end: number): boolean => {
  let next = end + 1
  while (isSpace(text.charCodeAt(next))) next++
  return text.charCodeAt(next) === colon
}

/** Where the digits and dots of a number end. */
const numberEnd = (text: string, start: number): number => {
  let end = start
  for (let code = text.charCodeAt(end); isDigit(code) || code === dot; code = text.charCodeAt(end)) end++
  return end
}

/**
 * A number that JavaScript would write differently: one of many digits, with an exponent, with a fraction that ends in 0
 * or is so small that JavaScript writes an exponent, or -0.
 */
const isOdd = (text: string, sign: boolean, start: number, end: number): boolean => {
  if (end - start >= 16) return true
  const after = text.charCodeAt(end) | 32
  if (after === 101) return true
  if (sign && end - start === 1 && text.charCodeAt(start) === zero) return true
  let fraction = start
  while (fraction < end && text.charCodeAt(fraction) !== dot) fraction++
  return fraction < end && (text.charCodeAt(end - 1) === zero || text.startsWith("0.000000", start))
}

/** Whether `JSON.parse` might lose something: an order of keys, the digits of a number, an escape. */
export const mayBeInexact = (text: string): boolean => {
  if (text.includes("\\u")) return true
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      const end = closing(text, i + 1)
      if (end === -1 || (isPeculiar(text, i + 1, end) && isKey(text, end))) return true
      i = end
    } else if (code === minus || isDigit(code)) {
      const start = code === minus ? i + 1 : i
      const end = numberEnd(text, start)
      if (isOdd(text, code === minus, start, end)) return true
      i = Math.max(i, end - 1)
    }
  }
  return false
}
