import * as Option from "effect/Option"

/** A sequence is a text; servers before 2.0 gave numbers. With `seqInterval` most rows have none. */
export const sequenceOf = (json: unknown): Option.Option<string> =>
  typeof json === "string" ? Option.some(json) : typeof json === "number" ? Option.some(String(json)) : Option.none()
