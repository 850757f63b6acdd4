/**
 * Values that a client takes from a response into a later request, and that differ between runs: sequences and cookies.
 *
 * A step that uses a sequence of the transcript's server uses the sequence of the engine's response instead.
 */
import type { Step } from "./transcript.js"
import { recorded } from "./transcript.js"

/** Maps values of the transcript's server to those of the engine. */
export type Carried = Map<string, string>

const token = /\d+-g1AAAA[\w-]+|\d+-[\w=-]{40,}|(?<=AuthSession=)[\w-]+/g

const tokens = (text: string, headers: Step["headers"]): ReadonlyArray<string> =>
  Array.from(`${text}\n${Object.values(headers).flat().join("\n")}`.matchAll(token), ([found]) => found)

/** Records the values at the same positions of two responses. */
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
