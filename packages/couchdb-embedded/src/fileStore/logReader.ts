import * as Fs from "node:fs"
import { checksum, frameHeaderLength, saltLength } from "./frames.js"

/** The end of the last complete frame, and whether the bytes after it are damaged or an incomplete write. */
export interface Read {
  readonly end: number
  readonly state: "whole" | "torn" | "damaged"
}

const chunk = 1 << 20

/** Reads exactly this many bytes. `undefined` if the file is too short. */
const readAt = (fd: number, at: number, length: number): Buffer | undefined => {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const count = Fs.readSync(fd, bytes, done, length - done, at + done)
    if (count === 0) return undefined
    done += count
  }
  return bytes
}

/** A buffered reader, because most frames are small. */
const bufferedReader = (fd: number, size: number): (at: number, length: number) => Buffer | undefined => {
  let start = 0
  let buffer: Buffer = Buffer.alloc(0)
  return (at, length) => {
    if (at + length > size) return undefined
    if (at < start || at + length > start + buffer.length) {
      start = at
      buffer = readAt(fd, at, Math.min(Math.max(length, chunk), size - at)) ?? Buffer.alloc(0)
    }
    const bytes = buffer.subarray(at - start, at - start + length)
    return bytes.length === length ? bytes : undefined
  }
}

/** Reads the frames from an offset on. */
export const read = (
  fd: number,
  salt: Buffer,
  from: number,
  onFrame: (payload: Buffer, at: number) => void
): Read => {
  const { size } = Fs.fstatSync(fd)
  const bytes = bufferedReader(fd, size)
  const payloadAt = (at: number): Buffer | undefined => {
    const head = bytes(at, frameHeaderLength)
    if (head === undefined || !head.subarray(0, saltLength).equals(salt)) return undefined
    const sum = head.readUInt32BE(saltLength + 4)
    const payload = bytes(at + frameHeaderLength, head.readUInt32BE(saltLength))
    return payload !== undefined && checksum(at, payload) === sum ? payload : undefined
  }
  /** Whether a complete frame starts anywhere after an offset. */
  const anyAfter = (from: number): boolean => {
    for (let at = from; at < size; at += chunk) {
      const part = readAt(fd, at, Math.min(chunk + saltLength - 1, size - at))
      if (part === undefined) return false
      for (let i = part.indexOf(salt); i >= 0; i = part.indexOf(salt, i + 1)) {
        if (payloadAt(at + i) !== undefined) return true
      }
    }
    return false
  }
  let end = from
  while (end < size) {
    const payload = payloadAt(end)
    if (payload === undefined) return { end, state: anyAfter(end + 1) ? "damaged" : "torn" }
    onFrame(payload, end)
    end += frameHeaderLength + payload.length
  }
  return { end, state: "whole" }
}
