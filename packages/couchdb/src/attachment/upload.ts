import { md5 } from "@noble/hashes/legacy"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { quote } from "../data/text.js"
import { CouchHttp, type CouchRequest, type Written } from "../http/CouchHttp.js"
import { type HttpError, TransportError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { fromServer } from "../http/failAt.js"
import { recover } from "../http/recover.js"
import { defaultRetry, retryTransient } from "../http/retry.js"
import { serverOf } from "../http/server.js"
import { type Actual, sized, wrongLength } from "../http/sized.js"
import { decodeWritten } from "../http/verification.js"
import type { Bytes, File } from "./Attachment.js"
import { type Passed, passing } from "./verified.js"

const encoder = new TextEncoder()

/** The bytes of a source, as often as they are asked for where `again` says so. */
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
      return Effect.fail(wrong(`its length is a whole number of bytes, not ${length}`))
    }
    if (source.whole === undefined) {
      return Effect.succeed({ whole: undefined, bytes: sized(source.bytes, length, differs) })
    }
    return source.whole.length === length
      ? Effect.succeed(source)
      : Effect.fail(differs({ exactly: source.whole.length }))
  })
}

/** A source whose passing is noted. */
export const noted = <E, R>(source: Source<E, R>, note: (passed: Passed) => void): Stream.Stream<Uint8Array, E, R> =>
  passing(source.bytes, (passed) => Effect.sync(() => note(passed)))

/** A request whose body may fail with errors of its own, which are then what the request fails with. */
export const sendStream = <E, R>(
  request: Omit<CouchRequest, "body">,
  bytes: Stream.Stream<Uint8Array, E, R>
): Effect.Effect<Written, E | HttpError, CouchHttp | R> =>
  Effect.contextWithEffect((context: Context.Context<CouchHttp | R>) => {
    let failure = Option.none<E>()
    const server = serverOf(Context.get(context, CouchHttp))
    const body = bytes.pipe(
      Stream.provideContext(context as never),
      Stream.mapError((error: E) => {
        failure = Option.some(error)
        const { method, path } = request
        return new TransportError({
          ...server,
          method,
          path,
          reason: "RequestBody",
          description: "the source of the bytes failed"
        })
      })
    ) as Stream.Stream<Uint8Array, TransportError>
    return Effect.mapError(send({ ...request, body }), (error) => Option.getOrElse(failure, () => error))
  })

export const send = (request: CouchRequest): Effect.Effect<Written, HttpError, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => executeDecoded(couch, request, decodeWritten(request.id)))

const retry = retryTransient(defaultRetry, Duration.minutes(1))

/** Repeats a write until its outcome is known. `repeatable` says whether its bytes can be sent again. */
export const withRecovery = <E, R, R2>(
  write: Effect.Effect<Written, E | HttpError, R>,
  findStored: Effect.Effect<Option.Option<Written["rev"]>, HttpError, R2>,
  repeatable: boolean
): Effect.Effect<Written, E | HttpError, R | R2> =>
  recover({
    attempt: () => write,
    findStored: () => Effect.map(findStored, Option.map((rev): Written => ({ rev, durability: "accepted" }))),
    schedule: repeatable ? retry as Schedule.Schedule<unknown, E | HttpError> : undefined
  })
