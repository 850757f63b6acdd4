import { md5 } from "@noble/hashes/legacy"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"
import { quote } from "../data/text.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import { TransportError } from "../http/errors.js"
import { fromServer } from "../http/failWithServer.js"
import { type Actual, sized, wrongLength } from "../http/sized.js"
import type { Bytes, File } from "./Attachment.js"
import type { Passed } from "./verified.js"

const encoder = new TextEncoder()

/** The bytes of a file: `whole` if they are in memory, so that they can be sent again. */
export interface Source<E, R> {
  readonly bytes: Stream.Stream<Uint8Array, E, R>
  readonly whole: Uint8Array | undefined
}

export const sourceOf = <E, R>(bytes: Bytes<E, R>): Source<E, R> => {
  const whole = typeof bytes === "string" ? encoder.encode(bytes) : bytes instanceof Uint8Array ? bytes : undefined
  return { whole, bytes: whole !== undefined ? Stream.succeed(whole) : bytes as Stream.Stream<Uint8Array, E, R> }
}

export const passedOf = (whole: Uint8Array): Passed => ({
  digest: `md5-${Encoding.encodeBase64(md5(whole))}`,
  length: whole.length
})

type Target = Pick<CouchRequest, "method" | "path">

/** The bytes of a file, checked against its `length`. Bytes in memory are checked before anything is sent. */
export const checkedSource = <E, R>(
  { method, path }: Target,
  name: string,
  source: Source<E, R>,
  { length }: Pick<File, "length">
): Effect.Effect<Source<E | TransportError, R>, TransportError> => {
  if (length === undefined) return Effect.succeed(source)
  return Effect.flatMap(fromServer, (from): Effect.Effect<Source<E | TransportError, R>, TransportError> => {
    const wrong = (problem: string): TransportError =>
      new TransportError({
        ...from,
        method,
        path,
        reason: "RequestBody",
        description: `attachment ${quote(name)}: ${problem}`
      })
    const differs = (actual: Actual) => wrong(wrongLength(length, actual))
    if (!Number.isSafeInteger(length) || length < 0) {
      return Effect.fail(wrong(`its length must be a non-negative integer, not ${length}`))
    }
    if (source.whole === undefined) {
      return Effect.succeed({ whole: undefined, bytes: sized(source.bytes, length, differs) })
    }
    return source.whole.length === length
      ? Effect.succeed(source)
      : Effect.fail(differs({ exactly: source.whole.length }))
  })
}
