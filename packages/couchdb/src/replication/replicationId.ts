import { md5 } from "@noble/hashes/legacy"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import { TermWriter } from "../data/externalTerm.js"
import { functionName } from "../data/functionName.js"
import * as Json from "../data/Json.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import { jsonOf } from "../http/verification.js"
import { verifyJson } from "../http/verification.js"
import type { Definition, Remote, ServerError as ServerFailure } from "./Replication.js"

const encoder = new TextEncoder()

/** A source or target as CouchDB identifies it: by user and address. `port` is `undefined` for a default port. */
interface Side {
  readonly user: string | undefined
  readonly host: string
  readonly port: number | undefined
  readonly path: string
}

const defaultPorts = new Set(["http:80", "http:5984", "https:443"])

const address = /^(https?):\/\/(?:([^/@]*)@)?([^/:?#]*)(?::(\d+))?(\/[^?#]*)?$/

/**
 * The server completes a bare database name itself, and headers are part of the id, so neither can be computed here.
 */
const sideOf = (remote: Remote): Option.Option<Side> => {
  const given = typeof remote === "string" ? { url: remote } : remote
  const found = address.exec(given.url)
  if (found === null || ("headers" in given && given.headers !== undefined)) return Option.none()
  const [, scheme = "http", credentials, host = "", digits, path = ""] = found
  const port = digits === undefined ? (scheme === "https" ? 443 : 80) : Number(digits)
  const colon = credentials?.indexOf(":") ?? -1
  return Option.some({
    user: "username" in given && given.username !== undefined
      ? given.username
      : colon === -1
      ? undefined
      : credentials?.slice(0, colon),
    host,
    port: defaultPorts.has(`${scheme}:${port}`) ? undefined : port,
    path: path.endsWith("/") ? path : `${path}/`
  })
}

/** An Erlang string is a list of bytes. */
const writeString = (writer: TermWriter, value: string): void => writer.json(Array.from(encoder.encode(value)))

const writeSide = (writer: TermWriter, { host, path, port, user }: Side): void => {
  writer.tuple(7)
  writer.atom("remote")
  if (user === undefined) writer.atom("undefined")
  else writeString(writer, user)
  writeString(writer, host)
  if (port === undefined) writer.atom("default")
  else writer.integer(port)
  writeString(writer, path)
  writer.nil()
  writer.atom("undefined")
}

type Part = (writer: TermWriter) => void

const byBytes = (one: string, other: string): number => {
  const [a, b] = [encoder.encode(one), encoder.encode(other)]
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at === -1 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1)
}

/** The parts of the definition that the id contains, or `None` if CouchDB normalizes them first. */
const partsOf = ({ filter, winningRevisionsOnly }: Definition): Option.Option<ReadonlyArray<Part>> => {
  const winningOnly: ReadonlyArray<Part> = winningRevisionsOnly === true
    ? [(writer) => writer.string("winning_revs_only")]
    : []
  switch (filter?._tag) {
    case undefined:
      return Option.some(winningOnly)
    case "Ids":
      return Option.some([(writer) => writer.json(Array.from(new Set(filter.ids)).sort(byBytes)), ...winningOnly])
    case "DesignDocuments":
      return Option.some([(writer) => writer.string("_design"), (writer) => writer.object([]), ...winningOnly])
    case "View":
      return Option.some([
        (writer) => writer.string("_view"),
        (writer) => writer.object([["view", functionName(filter.design, filter.view)]]),
        ...winningOnly
      ])
    case "Selector":
    case "Function":
      return Option.none()
  }
}

const request: CouchRequest = {
  method: "GET",
  path: "/",
  route: "/",
  verify: verifyJson((json) => typeof Json.get(json, "uuid") === "string")
}

export const checkpointId = (
  definition: Definition
): Effect.Effect<Option.Option<string>, ServerFailure, CouchHttp> => {
  const known = Option.all([sideOf(definition.source), sideOf(definition.target), partsOf(definition)])
  if (Option.isNone(known)) return Effect.succeedNone
  const [source, target, parts] = known.value
  return Effect.gen(function*() {
    const couch = yield* CouchHttp
    const response = yield* conflictAsBadRequest(couch.execute(request))
    const uuid = Json.get(jsonOf(response), "uuid")
    if (typeof uuid !== "string") {
      return yield* Effect.fail(
        unexpectedResponse(request, { ...response, ...serverOf(couch) }, "the response names no uuid")
      )
    }
    const writer = new TermWriter()
    writer.version()
    writer.list(3 + parts.length)
    writer.string(uuid)
    writeSide(writer, source)
    writeSide(writer, target)
    for (const part of parts) part(writer)
    writer.nil()
    return Option.some(Encoding.encodeHex(md5(writer.result())))
  })
}
