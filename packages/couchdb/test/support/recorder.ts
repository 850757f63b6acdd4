import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"

/** Everything that a value shows: to `inspect`, as JSON, and as text. */
export const shown = (value: unknown): string => {
  const texts = [inspect(value, { depth: 12 })]
  try {
    texts.push(String(JSON.stringify(value)), String(value))
  } catch {
    // A cycle has no JSON.
  }
  if (value instanceof Error) texts.push(value.message, String(value.stack))
  return texts.join("\n")
}

/** What a tracer and a logger were given. */
export interface Recorder {
  readonly layer: Layer.Layer<never>
  readonly tracer: Tracer.Tracer
  readonly text: () => string
}

export const makeRecorder = (): Recorder => {
  const parts: Array<string> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const record = (...what: ReadonlyArray<unknown>) => what.forEach((value) => parts.push(shown(value)))
      record(name)
      const attributes = new Map<string, unknown>()
      const span: Tracer.Span = {
        _tag: "Span",
        name,
        spanId: "0123456789abcdef",
        traceId: "0123456789abcdef0123456789abcdef",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes,
        links,
        sampled: true,
        kind,
        end: (_, exit) => {
          // A tracer shows how a span failed, and never what it succeeded with.
          if (exit._tag === "Failure") record(exit.cause)
        },
        attribute: (key, value) => {
          attributes.set(key, value)
          record(key, value)
        },
        event: (name, _, attributes) => record(name, attributes),
        addLinks: () => undefined
      }
      return span
    },
    context: (f) => f()
  })
  const logger = Logger.make(({ annotations, cause, message }) => {
    parts.push(shown(message), shown(Array.from(annotations)), shown(cause))
  })
  return {
    tracer,
    layer: Layer.mergeAll(
      Logger.replace(Logger.defaultLogger, logger),
      Logger.minimumLogLevel(LogLevel.All)
    ),
    text: () => parts.join("\n")
  }
}

/** All metrics, by name and label. */
export const metrics: Effect.Effect<string> = Effect.map(
  Metric.snapshot,
  (all) => JSON.stringify(all.map(({ metricKey }) => [metricKey.name, metricKey.description, metricKey.tags]))
)
