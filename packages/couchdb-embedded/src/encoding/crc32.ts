import * as Utf8 from "./utf8.js"

const table = Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value >>> 0
})

/** The CRC-32 of a string, by which CouchDB assigns documents to shards. */
export const crc32 = (text: string): number => {
  let value = 0xffffffff
  for (const byte of Utf8.encode(text)) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] ?? 0)
  return (value ^ 0xffffffff) >>> 0
}
