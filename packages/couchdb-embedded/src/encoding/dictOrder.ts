import * as Utf8 from "./utf8.js"

/** Erlang's `phash` of a string, modulo a range. */
const hash = (text: string, range: number): number => {
  const bytes = Utf8.encode(text)
  let value = 0
  for (const byte of bytes.subarray(0, 15)) value = (Math.imul(value, 268440163) + byte) >>> 0
  return ((Math.imul(value, 268436141) + bytes.length) >>> 0) % range
}

/**
 * How many buckets a `dict` of this many keys has. It gets one more whenever the average exceeds five keys a bucket.
 */
const bucketsOf = (keys: number): number => Math.max(16, Math.ceil(keys / 5))

/** The bucket of a key under linear hashing. */
const bucketOf = (text: string, buckets: number): number => {
  let size = 16
  while (size < buckets) size *= 2
  const slot = hash(text, size)
  return slot < buckets ? slot : slot - size / 2
}

/**
 * The order in which CouchDB folds over a `dict` with these keys: by bucket, and within a bucket from the last to the
 * first. CouchDB collects the results of one request in such a table.
 */
export const dictOrder = <A>(entries: ReadonlyArray<readonly [string, A]>): ReadonlyArray<readonly [string, A]> => {
  const count = bucketsOf(entries.length)
  const buckets = Array.from({ length: count }, (): Array<readonly [string, A]> => [])
  for (const entry of entries) buckets[bucketOf(entry[0], count)]?.unshift(entry)
  return buckets.flat()
}
