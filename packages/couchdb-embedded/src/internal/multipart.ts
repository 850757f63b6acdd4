import type { BufferedResponse } from "effect-couchdb/Transport"
import { print } from "./print.js"
import type { Rev } from "./revs.js"
import * as Revs from "./revs.js"

/** One revision for a multipart answer; without text where nothing is stored of it. */
export interface Part {
  readonly rev: Rev
  readonly text: string | undefined
}

/** The answer to `open_revs` for clients that take `multipart/mixed`. */
export const multipartMixed = (boundary: string, parts: ReadonlyArray<Part>): BufferedResponse => {
  let body = `--${boundary}`
  for (const { rev, text } of parts) {
    body += text === undefined
      ? `\r\nContent-Type: application/json; error="true"\r\n\r\n${print({ missing: Revs.format(rev) })}`
      : `\r\nContent-Type: application/json\r\n\r\n${text}`
    body += `\r\n--${boundary}`
  }
  return {
    status: 200,
    headers: { "content-type": `multipart/mixed; boundary="${boundary}"` },
    body: `${body}--`
  }
}
