/** Writes the changes of a database in CouchDB's format, as fast as the client reads them. */
import type { ServerResponse } from "node:http"

const place =
  "g1AAAACjeJzLYWBgYMxgTmHgz8tPSTV0MDQy1zMAQsMckEQiQ1L9____szKYE1mZcoEC7OYpKSaJJibomhMZZmGQZSHKNLEiSfFLQ6HUA"

const seq = (i: number): string => `"${i}-${place}"`

export const changeOf = (i: number, rev: string, doc: string | undefined): string =>
  `{"seq":${seq(i)},"id":"doc-${String(i).padStart(8, "0")}","changes":[{"rev":"${rev}"}]${
    doc === undefined ? "" : `,"doc":${doc}`
  }}`

const atOnce = 500

/** A continuous feed stays open without further changes. */
export const writeChanges = async (
  response: ServerResponse,
  total: number,
  continuous: boolean,
  change: (i: number) => string,
  room: (response: ServerResponse) => Promise<void>
): Promise<void> => {
  response.writeHead(200, { "content-type": "application/json" })
  if (!continuous) response.write("{\"results\":[\n")
  for (let i = 0; i < total && !response.destroyed; i += atOnce) {
    const text = Array.from({ length: Math.min(atOnce, total - i) }, (_, j) => {
      const n = i + j + 1
      return `${change(n)}${continuous || n === total ? "\n" : ",\n"}`
    }).join("")
    if (!response.write(text)) await room(response)
  }
  if (!continuous) response.end(`],\n"last_seq":${seq(total)},"pending":0}\n`)
}
