export const newline = 10
export const comma = 44
export const opening = "{"

/** JSON's white space, of bytes and of UTF-16 units alike. */
export const blank = (code: number | undefined): boolean => code === 10 || code === 13 || code === 32 || code === 9

// A mark of byte order stands in no answer of a CouchDB, but may stand at the beginning of a string.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

export const utf8 = (bytes: Uint8Array): string => bytes.length === 0 ? "" : decoder.decode(bytes)

/** What the text says, or `undefined` where it is not JSON. */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const join = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const only = pieces[0]
  if (pieces.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
