import type { Answer } from "../CouchError.js"

/** A name as a person should see it: quoted, controls escaped, cut if it is very long. */
export const quote = (name: string): string => JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name)

/** Server and path of a request, without credentials. */
export const urlOf = ({ path, server = "" }: { readonly server?: string | undefined; readonly path: string }): string =>
  server + path

/** Problem, detail and hint of an error that a response caused. */
export const say = (answer: Omit<Answer, "reason"> & { readonly reason: string }, problem: string, hint: string) =>
  `${answer.method} ${urlOf(answer)}: ${problem} (${answer.status} ${answer.error}: ${answer.reason}). ${hint}`
