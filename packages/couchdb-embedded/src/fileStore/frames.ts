import { crc32 } from "node:zlib"

/**
 * A log is a header and frames. A frame is the unit of one fsync, and is either complete or ignored. It starts with the
 * salt of its file, and its checksum covers its offset. Therefore the content of an attachment never passes for a
 * frame, even if it is a copy of this log.
 */
const magic = Buffer.from("effect-couchdb-embedded log 1\n")

export const saltLength = 8
export const headerLength = magic.length + saltLength + 4
export const frameHeaderLength = saltLength + 8

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The header of a log. */
export const header = (salt: Uint8Array): Buffer => Buffer.concat([magic, salt, number(crc32(salt))])

/** The salt in the header of a log. `undefined` if the bytes are not a valid header. */
export const readHeader = (bytes: Buffer): Buffer | undefined => {
  const salt = bytes.subarray(magic.length, magic.length + saltLength)
  return bytes.length >= headerLength && bytes.subarray(0, magic.length).equals(magic) &&
      bytes.readUInt32BE(magic.length + saltLength) === crc32(salt)
    ? Buffer.from(salt)
    : undefined
}

/** The checksum of a frame at this offset. */
export const checksum = (at: number, payload: Uint8Array): number => crc32(payload, crc32(`${at} ${payload.length}`))

/** A frame with these records, for this offset. */
export const frame = (salt: Uint8Array, at: number, records: ReadonlyArray<Uint8Array>): Buffer => {
  const payload = Buffer.concat(records)
  return Buffer.concat([salt, number(payload.length), number(checksum(at, payload)), payload])
}
