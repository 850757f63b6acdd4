import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Event, MultipartReader } from "./reader.js"

/** One part. Its bytes must be read before the next part is pulled, which skips them. */
export interface Part<E> {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Stream.Stream<Uint8Array, E>
}

/** Streams the parts of a multipart body once, with constant memory. `problem` makes the error of a body that ends early. */
export const parts = <E>(
  body: Stream.Stream<Uint8Array, E>,
  boundary: string,
  problem: (what: string) => E
): Stream.Stream<Part<E>, E> =>
  Stream.unwrapScoped(
    Effect.gen(function*() {
      const pull = yield* Stream.toPull(body)
      const reader = new MultipartReader(boundary)
      let events: Array<Event> = []
      let open: object | undefined

      const fill: Effect.Effect<void, Option.Option<E>> = Effect.suspend(() =>
        pull.pipe(
          Effect.map((chunks) => {
            for (const chunk of chunks) reader.push(chunk, events)
          }),
          Effect.mapError(Option.orElseSome(() => problem("it ended before its last part")))
        )
      )
      const next: Effect.Effect<Event, Option.Option<E>> = Effect.suspend(() => {
        const event = events.shift()
        if (event !== undefined) return Effect.succeed(event)
        if (reader.malformed) return Effect.fail(Option.some(problem("it is not a multipart body")))
        // What follows the last boundary is ignored, but the response is read to its end.
        return reader.closed
          ? Effect.zipRight(Effect.catchAll(Effect.forever(pull), () => Effect.void), Effect.fail(Option.none()))
          : Effect.zipRight(fill, next)
      })

      const bytesOf = (part: object): Stream.Stream<Uint8Array, E> =>
        Stream.repeatEffectChunkOption(
          Effect.suspend((): Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<E>> =>
            open !== part ? Effect.fail(Option.none()) : Effect.flatMap(next, (event) => {
              if (event._tag === "Bytes") return Effect.succeed(Chunk.of(event.bytes))
              open = undefined
              return Effect.fail(Option.none())
            })
          )
        )

      const element: Effect.Effect<Part<E>, Option.Option<E>> = Effect.suspend(() => {
        const skipped = open
        return Effect.zipRight(
          skipped === undefined ? Effect.void : Effect.mapError(Stream.runDrain(bytesOf(skipped)), Option.some),
          Effect.flatMap(next, (event) => {
            if (event._tag !== "Start") return element
            const part = {}
            open = part
            return Effect.succeed({ headers: event.headers, body: bytesOf(part) })
          })
        )
      })
      events = []
      return Stream.repeatEffectOption(element)
    })
  )
