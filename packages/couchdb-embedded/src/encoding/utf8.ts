const encoder = new TextEncoder()
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The UTF-8 bytes of a text. */
export const encode = (text: string): Uint8Array => encoder.encode(text)

/** The text, or `undefined` where the bytes are not UTF-8. */
export const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

// Surrogates stand for code points above every other unit, though they are smaller than U+E000 to U+FFFF.
const weight = (unit: number): number => unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000

/** Compares by UTF-8 bytes, which is the order of code points and differs from that of UTF-16 units. */
export const compare = (self: string, that: string): number => {
  const length = Math.min(self.length, that.length)
  for (let i = 0; i < length; i++) {
    const left = self.charCodeAt(i)
    const right = that.charCodeAt(i)
    if (left !== right) return weight(left) - weight(right)
  }
  return self.length - that.length
}

/** The first place in a sorted list at which `id` may stand. */
export const lowerBound = (ids: ReadonlyArray<string>, id: string): number => {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(ids[middle] ?? "", id) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** How many bytes the text takes. */
export const byteLength = (text: string): number => {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Each unit of a pair takes two of the pair's four bytes.
    if (unit > 0x7f) length += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return length
}
