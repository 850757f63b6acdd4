/** The same program with Effect alone. The size that the library adds is the difference to it. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

const Butterfly = Schema.Struct({
  _id: Schema.String,
  _rev: Schema.String,
  name: Schema.String,
  seen: Schema.Number
})

const url = "http://127.0.0.1:5984/zoo/monarch"

const program = HttpClient.get(url).pipe(
  Effect.flatMap(HttpClientResponse.schemaBodyJson(Butterfly)),
  Effect.flatMap((doc) =>
    Effect.flatMap(
      HttpClientRequest.schemaBodyJson(Butterfly)(HttpClientRequest.put(url), { ...doc, seen: doc.seen + 1 }),
      HttpClient.execute
    )
  ),
  Effect.retry(Schedule.recurs(4)),
  Effect.timeout("1 minute")
)

void Effect.runPromise(Effect.provide(program, FetchHttpClient.layer))
