import { TermWriter } from "effect-couchdb/internal/externalTerm"
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

const write = (writer: TermWriter, term: Term): void => {
  switch (term._tag) {
    case "Atom":
      return writer.atom(term.name)
    case "Tuple":
      writer.tuple(term.items.length)
      for (const item of term.items) write(writer, item)
      return
    case "List":
      if (term.items.length > 0) writer.list(term.items.length)
      for (const item of term.items) write(writer, item)
      return writer.nil()
    case "Json":
      return writer.json(term.value)
  }
}

/** A term in Erlang's external format. */
export const encode = (term: Term): Uint8Array => {
  const writer = new TermWriter()
  writer.version()
  write(writer, term)
  return writer.result()
}

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
