/**
 * A server with constant responses in its own process, so that a run measures the client. It serves documents, writes,
 * `_all_docs` and `_changes`. The database `n1000` has a thousand rows, which it sends as fast as the client reads them.
 */
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import { changeOf, writeChanges } from "./stubChanges.js"

const rev = "1-967a00dff5e02add41819138abb3284d"
const json = { "content-type": "application/json" }

const documentOf = (id: string, bytes: number): string =>
  `{"_id":"${id}","_rev":"${rev}","name":"Danaus plexippus","seen":1,"tags":["orange","black"],"note":"${
    "x".repeat(Math.max(0, bytes - 80))
  }"}\n`

const longer = (id: string, i: number): string =>
  `{"_id":"${id}","_rev":"${rev}","name":"Danaus plexippus","seen":${i},"tags":["orange","black"],"note":"${
    "x".repeat(330)
  }"}`

const rowOf = (i: number, last: boolean): string => {
  const id = `doc-${String(i).padStart(8, "0")}`
  const doc = longer(id, i)
  return `{"id":"${id}","key":"${id}","value":{"rev":"${rev}"},"doc":${doc}}${last ? "" : ","}\r\n`
}

const rowsAtOnce = 500

/** Waits until the client has read some of the response, or closed it. */
const room = async (response: ServerResponse): Promise<void> => {
  const done = new AbortController()
  const signal = done.signal
  await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })])
  done.abort()
}

const allDocs = async (response: ServerResponse, total: number): Promise<void> => {
  response.writeHead(200, json)
  response.write(`{"total_rows":${total},"offset":0,"rows":[\r\n`)
  for (let i = 0; i < total && !response.destroyed; i += rowsAtOnce) {
    const length = Math.min(rowsAtOnce, total - i)
    const text = Array.from({ length }, (_, j) => rowOf(i + j, i + j + 1 === total)).join("")
    if (!response.write(text)) await room(response)
  }
  response.end("]}\n")
}

const bytes = Number(process.argv[2] ?? 220)

const server = createServer((request, response) => {
  const [, database = "", id = ""] = (request.url ?? "").split("?")[0]?.split("/") ?? []
  if (id === "_all_docs") {
    void allDocs(response, Number(database.slice(1)))
  } else if (id === "_changes") {
    const query = request.url ?? ""
    const docs = query.includes("include_docs=true")
    void writeChanges(
      response,
      Number(database.slice(1)),
      query.includes("feed=continuous"),
      (i) => changeOf(i, rev, docs ? longer(`doc-${String(i).padStart(8, "0")}`, i) : undefined),
      room
    )
  } else if (request.method === "GET") {
    response.writeHead(200, { ...json, etag: `"${rev}"` }).end(documentOf(id, bytes))
  } else {
    request.resume().on("end", () => {
      response.writeHead(201, json).end(`{"ok":true,"id":"${id}","rev":"2-7051cbe5c8faecd085a3fa619e6e6337"}\n`)
    })
  }
})

server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.(typeof address === "object" && address !== null ? address.port : 0)
})
process.on("disconnect", () => process.exit(0))
