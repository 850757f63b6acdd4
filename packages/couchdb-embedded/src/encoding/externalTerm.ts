import * as Json from "effect-couchdb/Json"
import * as Utf8 from "./utf8.js"

/** A term of Erlang, as far as bookmarks and names of indexes need them. */
export type Term =
  | { readonly _tag: "Atom"; readonly name: string }
  | { readonly _tag: "Tuple"; readonly items: ReadonlyArray<Term> }
  | { readonly _tag: "List"; readonly items: ReadonlyArray<Term> }
  | { readonly _tag: "Json"; readonly value: Json.Json }

export const atom = (name: string): Term => ({ _tag: "Atom", name })
export const tuple = (...items: ReadonlyArray<Term>): Term => ({ _tag: "Tuple", items })
export const list = (items: ReadonlyArray<Term>): Term => ({ _tag: "List", items })
export const json = (value: Json.Json): Term => ({ _tag: "Json", value })

const big = (value: number, bytes: number): ReadonlyArray<number> =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** (bytes - 1 - i)) & 0xff)

const float = (value: number): ReadonlyArray<number> => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return [70, ...new Uint8Array(view.buffer)]
}

const integer = (value: bigint): ReadonlyArray<number> => {
  if (value >= 0n && value <= 255n) return [97, Number(value)]
  if (value >= -0x80000000n && value <= 0x7fffffffn) return [98, ...big(Number(BigInt.asUintN(32, value)), 4)]
  const digits: Array<number> = []
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 8n) digits.push(Number(rest & 0xffn))
  return [110, digits.length, value < 0n ? 1 : 0, ...digits]
}

const number = (text: string): ReadonlyArray<number> => /[.eE]/.test(text) ? float(Number(text)) : integer(BigInt(text))

const writeList = (items: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<number> => {
  if (items.length === 0) return [106]
  // A list of bytes is a string to Erlang.
  if (items.length <= 0xffff && items.every((item) => item[0] === 97)) {
    return [107, ...big(items.length, 2), ...items.map((item) => item[1] ?? 0)]
  }
  return [108, ...big(items.length, 4), ...items.flat(), 106]
}

const writeAtom = (name: string): ReadonlyArray<number> => [100, ...big(name.length, 2), ...Utf8.encode(name)]

const writeText = (text: string): ReadonlyArray<number> => {
  const bytes = Utf8.encode(text)
  return [109, ...big(bytes.length, 4), ...bytes]
}

const writeJson = (value: Json.Json): ReadonlyArray<number> => {
  if (typeof value === "string") return writeText(value)
  if (typeof value === "number") return number(JSON.stringify(value))
  if (value === null || typeof value === "boolean") return writeAtom(String(value))
  if (Json.isRawNumber(value)) return number(value.text)
  if (Json.isArray(value)) return writeList(value.map(writeJson))
  return Json.isObject(value)
    ? [
      104,
      1,
      ...writeList(Json.entries(value).map(([key, inner]) => [104, 2, ...writeText(key), ...writeJson(inner)]))
    ]
    : []
}

const write = (term: Term): ReadonlyArray<number> => {
  switch (term._tag) {
    case "Atom":
      return writeAtom(term.name)
    case "Tuple":
      return [104, term.items.length, ...term.items.flatMap(write)]
    case "List":
      return writeList(term.items.map(write))
    case "Json":
      return writeJson(term.value)
  }
}

/** A term in Erlang's external format. */
export const encode = (term: Term): Uint8Array => Uint8Array.from([131, ...write(term)])

class Malformed extends Error {}

/** Reads a term; texts, numbers and `null` come as JSON, tuples and lists as they are. */
export const decode = (bytes: Uint8Array): Term | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (length: number): number => {
    if (at + length > bytes.length) throw new Malformed()
    at += length
    return at - length
  }
  const u8 = (): number => view.getUint8(take(1))
  const u16 = (): number => view.getUint16(take(2))
  const u32 = (): number => view.getUint32(take(4))
  const text = (length: number): string => {
    const from = take(length)
    const decoded = Utf8.decode(bytes.subarray(from, from + length))
    if (decoded === undefined) throw new Malformed()
    return decoded
  }
  const named = (name: string): Term =>
    name === "null" ? json(null) : name === "true" || name === "false" ? json(name === "true") : atom(name)
  const items = (length: number, depth: number): ReadonlyArray<Term> => {
    if (length > bytes.length) throw new Malformed()
    return Array.from({ length }, () => read(depth + 1))
  }
  const bigInteger = (): Term => {
    const length = u8()
    const negative = u8() === 1
    let value = 0n
    for (let i = 0; i < length; i++) value |= BigInt(u8()) << BigInt(8 * i)
    const signed = negative ? -value : value
    return json(BigInt.asIntN(53, signed) === signed ? Number(signed) : new Json.RawNumber(String(signed)))
  }
  const double = (value: number): Term =>
    json(Number.isInteger(value) && Math.abs(value) < 1e21 ? new Json.RawNumber(`${value}.0`) : value)
  const read = (depth: number): Term => {
    if (depth > 200) throw new Malformed()
    switch (u8()) {
      case 97:
        return json(u8())
      case 98:
        return json(view.getInt32(take(4)))
      case 70:
        return double(view.getFloat64(take(8)))
      case 100:
        return named(text(u16()))
      case 119:
        return named(text(u8()))
      case 104:
        return tuple(...items(u8(), depth))
      case 106:
        return list([])
      case 107:
        return list(Array.from({ length: u16() }, () => json(u8())))
      case 108: {
        const found = items(u32(), depth)
        if (u8() !== 106) throw new Malformed()
        return list(found)
      }
      case 109:
        return json(text(u32()))
      case 110:
        return bigInteger()
      default:
        throw new Malformed()
    }
  }
  try {
    return u8() === 131 ? read(0) : undefined
  } catch {
    return undefined
  }
}

/** The term as JSON: a tuple of one list of pairs is an object. */
export const toJson = (term: Term): Json.Json | undefined => {
  if (term._tag === "Json") return term.value
  if (term._tag === "List") {
    const values: Array<Json.Json> = []
    for (const item of term.items) {
      const value = toJson(item)
      if (value === undefined) return undefined
      values.push(value)
    }
    return values
  }
  const [members, ...more] = term._tag === "Tuple" ? term.items : []
  if (members?._tag !== "List" || more.length > 0) return undefined
  const found: Array<readonly [string, Json.Json]> = []
  for (const item of members.items) {
    const [key, value] = item._tag === "Tuple" ? item.items : []
    const inner = value === undefined ? undefined : toJson(value)
    if (key?._tag !== "Json" || typeof key.value !== "string" || inner === undefined) return undefined
    found.push([key.value, inner])
  }
  return Json.fromEntries(found)
}
