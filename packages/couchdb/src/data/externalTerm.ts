import * as Json from "./Json.js"

const utf8 = new TextEncoder()

/**
 * Writes Erlang's external term format to a growing buffer, in the form of `term_to_binary(_, [{minor_version, 1}])`,
 * which CouchDB hashes.
 */
export class TermWriter {
  private bytes = new Uint8Array(256)
  private view = new DataView(this.bytes.buffer)
  private at = 0

  private room(size: number): void {
    if (this.at + size <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + size))
    larger.set(this.bytes)
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }
  private tag(tag: number, size: number): void {
    this.room(size + 1)
    this.bytes[this.at++] = tag
  }
  /** The version byte at the start of every term. */
  version(): void {
    this.room(1)
    this.bytes[this.at++] = 131
  }
  atom(name: string): void {
    this.tag(100, 2 + name.length)
    this.view.setUint16(this.at, name.length)
    this.at += 2
    for (let i = 0; i < name.length; i++) this.bytes[this.at++] = name.charCodeAt(i)
  }
  integer(value: bigint | number): void {
    if (value >= 0 && value <= 255) {
      this.tag(97, 1)
      this.bytes[this.at++] = Number(value)
    } else if (value >= -0x80000000 && value <= 0x7fffffff) {
      this.tag(98, 4)
      this.view.setInt32(this.at, Number(value))
      this.at += 4
    } else {
      this.bigInteger(BigInt(value))
    }
  }
  private bigInteger(value: bigint): void {
    const digits: Array<number> = []
    for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 8n) digits.push(Number(rest & 0xffn))
    const small = digits.length < 256
    this.tag(small ? 110 : 111, 5 + digits.length)
    if (small) this.bytes[this.at++] = digits.length
    else {
      this.view.setUint32(this.at, digits.length)
      this.at += 4
    }
    this.bytes[this.at++] = value < 0n ? 1 : 0
    for (const digit of digits) this.bytes[this.at++] = digit
  }
  float(value: number): void {
    this.tag(70, 8)
    this.view.setFloat64(this.at, value)
    this.at += 8
  }
  binary(value: Uint8Array): void {
    this.tag(109, 4 + value.length)
    this.view.setUint32(this.at, value.length)
    this.at += 4
    this.bytes.set(value, this.at)
    this.at += value.length
  }
  string(value: string): void {
    this.binary(utf8.encode(value))
  }
  tuple(arity: number): void {
    this.tag(104, 1)
    this.bytes[this.at++] = arity
  }
  /** Opens a list of at least one element; `nil` must follow the last one. */
  list(length: number): void {
    this.tag(108, 4)
    this.view.setUint32(this.at, length)
    this.at += 4
  }
  nil(): void {
    this.tag(106, 0)
  }
  private charList(items: ReadonlyArray<number>): void {
    this.tag(107, 2 + items.length)
    this.view.setUint16(this.at, items.length)
    this.at += 2
    for (const item of items) this.bytes[this.at++] = item
  }
  json(value: Json.Json): void {
    if (value === null) this.atom("null")
    else if (typeof value === "boolean") this.atom(value ? "true" : "false")
    else if (typeof value === "string") this.string(value)
    else if (typeof value === "number") this.number(value, JSON.stringify(value))
    else if (Json.isRawNumber(value)) this.number(Number(value.text), value.text)
    else if (Json.isArray(value)) this.array(value)
    else this.object(Json.entries(value as Json.JsonObject))
  }
  /** The text alone determines whether a number is an integer or a float: `1e21` is a float, `10` an integer. */
  private number(value: number, text: string): void {
    if (/[.eE]/.test(text)) this.float(Json.toFloat(text))
    else this.integer(Number.isSafeInteger(value) ? value : BigInt(text))
  }
  private array(items: ReadonlyArray<Json.Json>): void {
    // Erlang has no strings: it encodes a list of bytes as a string.
    const bytes = items.length > 0 && items.length <= 0xffff ? asBytes(items) : undefined
    if (bytes !== undefined) return this.charList(bytes)
    if (items.length > 0) this.list(items.length)
    for (const item of items) this.json(item)
    this.nil()
  }
  object(members: ReadonlyArray<readonly [string, Json.Json]>): void {
    this.tuple(1)
    if (members.length > 0) this.list(members.length)
    for (const [key, member] of members) {
      this.tuple(2)
      this.string(key)
      this.json(member)
    }
    this.nil()
  }
  result(): Uint8Array {
    return this.bytes.subarray(0, this.at)
  }
}

/** The items as bytes if all of them are bytes; `-0` is the only raw number that is one. */
const asBytes = (items: ReadonlyArray<Json.Json>): ReadonlyArray<number> | undefined => {
  const bytes: Array<number> = []
  for (const item of items) {
    const value = Json.isRawNumber(item) && item.text === "-0" ? 0 : item
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 255) return undefined
    bytes.push(value)
  }
  return bytes
}
