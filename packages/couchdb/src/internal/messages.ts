import type { Answer } from "../CouchError.js"

/** A name as a person should see it: quoted, controls escaped, cut where it is very long. */
export const quote = (name: string): string => JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name)

/** Problem, detail and hint of an error that an answer caused. */
export const say = (answer: Omit<Answer, "reason"> & { readonly reason: string }, problem: string, hint: string) =>
  `${answer.method} ${answer.path}: ${problem} (${answer.status} ${answer.error}: ${answer.reason}). ${hint}`
