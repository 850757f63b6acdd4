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

/** The offset of the closing quote of the string whose content begins at `start`, or -1. */
const closingQuote = (text: string, start: number): number => {
  for (let end = text.indexOf("\"", start);; end = text.indexOf("\"", end + 1)) {
    if (end === -1) return -1
    let escapes = end
    while (escapes > start && text.charCodeAt(escapes - 1) === backslash) escapes--
    if ((end - escapes) % 2 === 0) return end
  }
}

/** Whether a key looks like an index, which JavaScript puts first, or is `__proto__`, which it treats specially. */
const isSpecialKey = (text: string, start: number, end: number): boolean => {
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

/** The offset after the digits and dots of a number. */
const numberEnd = (text: string, start: number): number => {
  let end = start
  for (let code = text.charCodeAt(end); isDigit(code) || code === dot; code = text.charCodeAt(end)) end++
  return end
}

/**
 * Whether JavaScript writes a number differently: it has many digits, an exponent, a fraction that ends in 0 or is so
 * small that JavaScript writes an exponent, or it is -0.
 */
const isRewritten = (text: string, sign: boolean, start: number, end: number): boolean => {
  if (end - start >= 16) return true
  const after = text.charCodeAt(end) | 32
  if (after === 101) return true
  if (sign && end - start === 1 && text.charCodeAt(start) === zero) return true
  let fraction = start
  while (fraction < end && text.charCodeAt(fraction) !== dot) fraction++
  return fraction < end && (text.charCodeAt(end - 1) === zero || text.startsWith("0.000000", start))
}

/** Whether `JSON.parse` might lose part of the text: the order of keys, the digits of a number, an escape. */
export const mayBeInexact = (text: string): boolean => {
  if (text.includes("\\u")) return true
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      const end = closingQuote(text, i + 1)
      if (end === -1 || (isSpecialKey(text, i + 1, end) && isKey(text, end))) return true
      i = end
    } else if (code === minus || isDigit(code)) {
      const start = code === minus ? i + 1 : i
      const end = numberEnd(text, start)
      if (isRewritten(text, code === minus, start, end)) return true
      i = Math.max(i, end - 1)
    }
  }
  return false
}
