import * as Data from "effect/Data"
export class TransportError extends Data.TaggedError("TransportError")<
  { method: string; path: string; reason: string; description: string; cause: unknown }
> {}
