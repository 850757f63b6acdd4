/**
 * The kinds of byte that can precede a number: a separator (or the beginning), a quote if it may be a key, or its sign.
 */
const separator = 1
const quote = 2
const minus = 3

const before = new Uint8Array(256)
for (const byte of [9, 10, 13, 32, 44, 58, 91]) before[byte] = separator
before[34] = quote
before[45] = minus

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57

const isBlank = (byte: number | undefined): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9

/** A longer number may have more digits than a double can represent. */
const maxLength = 15

/** Whether JavaScript would write the number at `start` differently. */
const isForeign = (bytes: Uint8Array, start: number, to: number, negative: boolean): boolean => {
  let at = start
  while (at < to && isDigit(bytes[at])) at++
  const isZero = at === start + 1 && bytes[start] === 48
  if (at < to && bytes[at] === 46) {
    const dot = at++
    while (at < to && isDigit(bytes[at])) at++
    if (bytes[at - 1] === 48) return true
    // JavaScript writes 0.0000001 with an exponent.
    let zeros = dot + 1
    while (zeros < at && bytes[zeros] === 48) zeros++
    if (isZero && zeros - dot > 6) return true
  } else if (isZero && negative) return true
  return at - start > maxLength || (at < to && (bytes[at] === 101 || bytes[at] === 69))
}

/** Whether these digits are a complete key, which JavaScript would move before the others. */
const isKey = (bytes: Uint8Array, start: number, to: number): boolean => {
  let at = start
  while (at < to && isDigit(bytes[at])) at++
  if (at - start > 10 || at === to || bytes[at] !== 34) return false
  at++
  while (at < to && isBlank(bytes[at])) at++
  return at < to && bytes[at] === 58
}

const isInexact = (bytes: Uint8Array, digit: number, from: number, to: number): boolean => {
  const preceding = digit === from ? separator : before[bytes[digit - 1] as number]
  if (preceding === separator) return isForeign(bytes, digit, to, false)
  if (preceding === quote) return isKey(bytes, digit, to)
  return preceding === minus &&
    (digit - 1 === from || before[bytes[digit - 2] as number] === separator) &&
    isForeign(bytes, digit, to, true)
}

/** Whether one of four bytes is a digit. The XOR turns a digit into a byte below 10, and only such a byte borrows. */
const digits = (word: number): number => ((word ^ 0x30303030) - 0x0a0a0a0a) & ~(word ^ 0x30303030)

/**
 * Whether one of four bytes is a digit after a byte that can precede a number or a key, or after a minus that follows
 * such a byte. `last` is the byte before the four. All bytes below the minus count as such a byte. Most digits in words
 * and hashes follow other bytes.
 */
const mayBegin = (word: number, last: number): boolean => {
  const byte = word & 0x7f7f7f7f
  const digit = (byte + 0x50505050) & ~(byte + 0x46464646) & ~word
  const previous = ((word << 8) | last) & 0x7f7f7f7f
  const belowMinus = ~(previous + 0x53535353)
  const colon = (previous + 0x46464646) & ~(previous + 0x45454545)
  const bracket = (previous + 0x25252525) & ~(previous + 0x24242424)
  const begins = belowMinus | colon | bracket
  const minus = (previous + 0x53535353) & ~(previous + 0x52525252)
  return (digit & (begins | (minus & ((begins << 8) | 0x80))) & 0x80808080) !== 0
}

/** Words are read as little endian, which most machines use. Other machines read byte by byte. */
const littleEndian = new Uint8Array(new Int32Array([1]).buffer)[0] === 1

/**
 * The position of the first number or key that `JSON.parse` may not preserve, or `to` if there is no such position.
 * Digits inside strings can be false positives. Escapes and the key `__proto__` are not checked here.
 *
 * Most of a response is text without digits, so sixteen bytes are checked at once.
 */
export const firstInexactByte = (bytes: Uint8Array, from: number, to: number): number => {
  const border = from + (-(bytes.byteOffset + from) & 3)
  const words = littleEndian && border + 16 <= to
    ? new Int32Array(bytes.buffer, bytes.byteOffset + border, ((to - border) >> 4) << 2)
    : none
  const length = words.length
  const start = length === 0 ? to : border
  const found = inexactByteIn(bytes, from, start, from, to)
  if (found !== -1) return found
  let last = start > from ? bytes[start - 1] as number : 44
  for (let i = 0; i < length; i += 4) {
    const a = words[i] as number
    const b = words[i + 1] as number
    const c = words[i + 2] as number
    const d = words[i + 3] as number
    if (((digits(a) | digits(b) | digits(c) | digits(d)) & 0x80808080) !== 0) {
      const at = start + (i << 2)
      const inA = mayBegin(a, last) ? inexactByteIn(bytes, at, at + 4, from, to) : -1
      if (inA !== -1) return inA
      const inB = mayBegin(b, a >>> 24) ? inexactByteIn(bytes, at + 4, at + 8, from, to) : -1
      if (inB !== -1) return inB
      const inC = mayBegin(c, b >>> 24) ? inexactByteIn(bytes, at + 8, at + 12, from, to) : -1
      if (inC !== -1) return inC
      const inD = mayBegin(d, c >>> 24) ? inexactByteIn(bytes, at + 12, at + 16, from, to) : -1
      if (inD !== -1) return inD
    }
    last = d >>> 24
  }
  const rest = inexactByteIn(bytes, start + (length << 2), to, from, to)
  return rest === -1 ? to : rest
}

const none = new Int32Array(0)

/** The position of the first inexact digit from `start` and before `end`, or -1. */
const inexactByteIn = (bytes: Uint8Array, start: number, end: number, from: number, to: number): number => {
  for (let digit = start; digit < end; digit++) {
    if (isDigit(bytes[digit]) && isInexact(bytes, digit, from, to)) return digit
  }
  return -1
}
