/** What stands before a number: a separator (also the beginning), a quote where it may be a key, or its sign. */
const separator = 1
const quote = 2
const minus = 3

const before = new Uint8Array(256)
for (const byte of [9, 10, 13, 32, 44, 58, 91]) before[byte] = separator
before[34] = quote
before[45] = minus

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57

const isBlank = (byte: number | undefined): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9

/** A longer number has digits that a double has not. */
const longest = 15

/** Whether the number that begins here is written otherwise than JavaScript would write it. */
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
  return at - start > longest || (at < to && (bytes[at] === 101 || bytes[at] === 69))
}

/** Whether these digits are all of a key, which JavaScript would move before the others. */
const isKey = (bytes: Uint8Array, start: number, to: number): boolean => {
  let at = start
  while (at < to && isDigit(bytes[at])) at++
  if (at - start > 10 || at === to || bytes[at] !== 34) return false
  at++
  while (at < to && isBlank(bytes[at])) at++
  return at < to && bytes[at] === 58
}

const isDoubtful = (bytes: Uint8Array, digit: number, from: number, to: number): boolean => {
  const stands = digit === from ? separator : before[bytes[digit - 1] as number]
  if (stands === separator) return isForeign(bytes, digit, to, false)
  if (stands === quote) return isKey(bytes, digit, to)
  return stands === minus &&
    (digit - 1 === from || before[bytes[digit - 2] as number] === separator) &&
    isForeign(bytes, digit, to, true)
}

/**
 * The first byte at which `JSON.parse` may lose something of a number, or of the order of keys; `to` where there is none.
 * Inside strings it may doubt without need. Escapes and the key `__proto__` are not looked for here.
 *
 * Most of an answer is text without digits, so four bytes are looked at together.
 */
export const firstDoubt = (bytes: Uint8Array, from: number, to: number): number => {
  let at = from
  for (; at < to && ((bytes.byteOffset + at) & 3) !== 0; at++) {
    if (isDigit(bytes[at]) && isDoubtful(bytes, at, from, to)) return at
  }
  const words = new Int32Array(bytes.buffer, at < to ? bytes.byteOffset + at : 0, at < to ? (to - at) >> 2 : 0)
  for (let i = 0; i < words.length; i++) {
    // A digit becomes a byte below 10, and only such a byte borrows.
    const word = (words[i] as number) ^ 0x30303030
    if (((word - 0x0a0a0a0a) & ~word & 0x80808080) === 0) continue
    const first = at + (i << 2)
    for (let digit = first; digit < first + 4; digit++) {
      const byte = bytes[digit] as number
      if (
        byte <= 57 && byte >= 48 && before[bytes[digit - 1] as number] !== 0 && isDoubtful(bytes, digit, from, to)
      ) return digit
    }
  }
  for (at += words.length << 2; at < to; at++) {
    if (isDigit(bytes[at]) && isDoubtful(bytes, at, from, to)) return at
  }
  return to
}
