const encoder = new TextEncoder()
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Encodes a string as UTF-8. */
export const encode = (text: string): Uint8Array => encoder.encode(text)

/** Decodes UTF-8. `undefined` if the bytes are not valid. */
export const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

// Surrogates encode code points above all other units, but are smaller than U+E000 to U+FFFF.
const codePointOrder = (unit: number): number => unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000

/** Compares strings by their UTF-8 bytes, that is by code points. Comparing UTF-16 units gives a different order. */
export const compare = (self: string, that: string): number => {
  const length = Math.min(self.length, that.length)
  for (let i = 0; i < length; i++) {
    const left = self.charCodeAt(i)
    const right = that.charCodeAt(i)
    if (left !== right) return codePointOrder(left) - codePointOrder(right)
  }
  return self.length - that.length
}

/** The first index in a sorted list at which `id` can be inserted. */
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

/** The length of the string in UTF-8. */
export const byteLength = (text: string): number => {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Each of the two units of a surrogate pair accounts for two of its four bytes.
    if (unit > 0x7f) length += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return length
}
