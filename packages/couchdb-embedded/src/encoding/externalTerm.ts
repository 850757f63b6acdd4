import { TermWriter } from "effect-couchdb/internal/externalTerm"
import * as Json from "effect-couchdb/Json"
import * as Utf8 from "./utf8.js"

/** An Erlang term, as far as bookmarks, index names and replication ids need it. */
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

const maxDepth = 200

class TermReader {
  private at = 0
  private readonly view: DataView
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  /** The offset of the next bytes, which are consumed. */
  private take(length: number): number {
    if (this.at + length > this.bytes.length) throw new Malformed()
    this.at += length
    return this.at - length
  }
  u8(): number {
    return this.view.getUint8(this.take(1))
  }
  private u16(): number {
    return this.view.getUint16(this.take(2))
  }
  private u32(): number {
    return this.view.getUint32(this.take(4))
  }
  private text(length: number): string {
    const from = this.take(length)
    const decoded = Utf8.decode(this.bytes.subarray(from, from + length))
    if (decoded === undefined) throw new Malformed()
    return decoded
  }
  private items(length: number, depth: number): ReadonlyArray<Term> {
    if (length > this.bytes.length) throw new Malformed()
    return Array.from({ length }, () => this.read(depth + 1))
  }
  private bigInteger(): Term {
    const length = this.u8()
    const negative = this.u8() === 1
    let value = 0n
    for (let i = 0; i < length; i++) value |= BigInt(this.u8()) << BigInt(8 * i)
    const signed = negative ? -value : value
    return json(BigInt.asIntN(53, signed) === signed ? Number(signed) : new Json.RawNumber(String(signed)))
  }
  read(depth: number): Term {
    if (depth > maxDepth) throw new Malformed()
    switch (this.u8()) {
      case 97:
        return json(this.u8())
      case 98:
        return json(this.view.getInt32(this.take(4)))
      case 70:
        return double(this.view.getFloat64(this.take(8)))
      case 100:
        return atomOrJson(this.text(this.u16()))
      case 119:
        return atomOrJson(this.text(this.u8()))
      case 104:
        return tuple(...this.items(this.u8(), depth))
      case 106:
        return list([])
      case 107:
        return list(Array.from({ length: this.u16() }, () => json(this.u8())))
      case 108: {
        const found = this.items(this.u32(), depth)
        if (this.u8() !== 106) throw new Malformed()
        return list(found)
      }
      case 109:
        return json(this.text(this.u32()))
      case 110:
        return this.bigInteger()
      default:
        throw new Malformed()
    }
  }
}

const atomOrJson = (name: string): Term =>
  name === "null" ? json(null) : name === "true" || name === "false" ? json(name === "true") : atom(name)

// The fraction keeps an integral double a double.
const double = (value: number): Term =>
  json(Number.isInteger(value) && Math.abs(value) < 1e21 ? new Json.RawNumber(`${value}.0`) : value)

/** Reads a term. Binaries, numbers, booleans and `null` become JSON; tuples and lists stay terms. */
export const decode = (bytes: Uint8Array): Term | undefined => {
  const reader = new TermReader(bytes)
  try {
    return reader.u8() === 131 ? reader.read(0) : undefined
  } catch {
    return undefined
  }
}

/** The term as JSON. A tuple that contains one list of pairs is an object. */
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
