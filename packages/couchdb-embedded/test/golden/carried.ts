/**
 * The values of responses that later requests contain and that differ from run to run: sequences and cookies.
 *
 * A step that uses a sequence of the recorded server uses the sequence that the engine returned in the same step.
 */
import type { Step } from "./transcript.js"
import { recorded } from "./transcript.js"

/** Maps values of the recorded server to those of the engine. */
export type Carried = Map<string, string>

const token = /\d+-g1AAAA[\w-]+|\d+-[\w=-]{40,}|(?<=AuthSession=)[\w-]+/g

const tokens = (text: string, headers: Step["headers"]): ReadonlyArray<string> =>
  Array.from(`${text}\n${Object.values(headers).flat().join("\n")}`.matchAll(token), ([found]) => found)

/** Remembers what stands in the same places of the two answers. */
export const learn = (
  carried: Carried,
  step: Step,
  reply: { readonly text: string; readonly headers: Readonly<Record<string, string>> }
): void => {
  const theirs = tokens(recorded(step), step.headers)
  const ours = tokens(reply.text, reply.headers)
  if (theirs.length !== ours.length) return
  theirs.forEach((known, at) => {
    const given = ours[at]
    if (given !== undefined && !carried.has(known)) carried.set(known, given)
  })
}

export const inText = (carried: Carried, text: string): string =>
  text.replace(token, (found) => carried.get(found) ?? found)

export const inHeaders = (
  carried: Carried,
  headers: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, inText(carried, value)]))

export const inBody = (carried: Carried, body: unknown): unknown =>
  body instanceof Uint8Array
    ? body
    : typeof body === "string"
    ? inText(carried, body)
    : JSON.parse(inText(carried, JSON.stringify(body)))
