export const newline = 10
export const comma = 44
export const opening = "{"

/** Maps the whitespace of JSON, as bytes or as UTF-16 code units, to 1. A table, since it is read for every row. */
export const whitespace: Readonly<Record<number, 1 | undefined>> = { 9: 1, 10: 1, 13: 1, 32: 1 }

// CouchDB sends no byte order mark, but a string may begin with U+FEFF.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

export const decodeUtf8 = (bytes: Uint8Array): string => bytes.length === 0 ? "" : decoder.decode(bytes)

/** The value of a JSON text as `JSON.parse` reads it, or `undefined` if the text is not JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const concatBytes = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
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

/** Quotes a name for a message: controls are escaped, and a long name is truncated after 120 characters. */
export const quote = (name: string): string => JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name)

/** Removes the credentials from URLs in a text. */
export const withoutCredentials = (text: string): string => text.replace(/(https?:\/\/)[^/@\s]*@/g, "$1")
