import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CouchHttp, type CouchRequest, type Written } from "../http/CouchHttp.js"
import { type HttpError, TransportError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { recover } from "../http/recover.js"
import { defaultRetry, retryTransient } from "../http/retry.js"
import { serverOf } from "../http/server.js"
import { decodeWritten } from "../http/verification.js"
import { related } from "./multipart/related.js"
import { passedOf, type Source } from "./source.js"
import type { DescribedUpload } from "./uploadDescription.js"
import { type Passed, withDigestCheck } from "./verified.js"

const encoder = new TextEncoder()

/** Sends a request with a streamed body. If the source of the body fails, the request fails with that error. */
const sendStream = <E, R>(
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

/** Sends the request of a write. */
export const send = (request: CouchRequest): Effect.Effect<Written, HttpError, CouchHttp> =>
  Effect.flatMap(
    CouchHttp,
    (couch) => executeDecoded(couch, request, (response) => decodeWritten(request.id, response))
  )

/**
 * A write of files.
 *
 * - `sent`: the digest and length of each file, once it was sent
 * - `isSent`: whether all files were sent to their end, so that the write can be recognized on the server
 * - `repeatable`: whether all bytes are in memory
 */
export interface SendingFiles<E, R> {
  readonly write: Effect.Effect<Written, E | HttpError, CouchHttp | R>
  readonly sent: ReadonlyMap<string, Passed>
  readonly isSent: () => boolean
  readonly repeatable: boolean
}

/** Sends one file as the body of a request. */
export const sendFile = <E, R>(request: CouchRequest, name: string, source: Source<E, R>): SendingFiles<E, R> => {
  const sent = new Map<string, Passed>()
  const { bytes, whole } = source
  return {
    write: whole === undefined
      ? sendStream(request, withDigestCheck(bytes, (passed) => Effect.sync(() => sent.set(name, passed))))
      : Effect.suspend(() => {
        sent.set(name, passedOf(whole))
        return send({ ...request, body: whole })
      }),
    sent,
    isSent: () => sent.has(name),
    repeatable: whole !== undefined
  }
}

const boundaryPrefix = "effect-couchdb-"

/** A boundary that depends only on the document. No file contains it by chance. */
const boundaryFor = (text: string): string => boundaryPrefix + passedOf(encoder.encode(text)).digest.replace(/\W/g, "")

/** Sends a document with its attachments: in the JSON, or as `multipart/related`. */
export const sendUpload = <E, R>({ files, inline, request, text }: DescribedUpload<E, R>): SendingFiles<E, R> => {
  const sent = new Map<string, Passed>()
  const sendJson = Effect.suspend(() => {
    for (const { name, source } of files) if (source.whole !== undefined) sent.set(name, passedOf(source.whole))
    return send({ ...request, body: text })
  })
  const sendMultipart = Effect.suspend(() => {
    const boundary = boundaryFor(text)
    const body = related(
      boundary,
      text,
      files.map(({ length, name, source }) => ({
        bytes: withDigestCheck(source.bytes, (passed) => Effect.sync(() => sent.set(name, passed))),
        length
      }))
    )
    const headers = {
      "content-type": `multipart/related; boundary="${boundary}"`,
      "content-length": String(body.length)
    }
    return sendStream({ ...request, headers }, body.bytes)
  })
  return {
    write: inline || files.length === 0 ? sendJson : sendMultipart,
    sent,
    isSent: () => sent.size === files.length,
    repeatable: files.every(({ source }) => source.whole !== undefined)
  }
}

const retry = retryTransient(defaultRetry, Duration.minutes(1))

/** Repeats a write until its outcome is known. `repeatable` is whether its bytes can be sent again. */
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
