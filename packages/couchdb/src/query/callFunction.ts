import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import * as DatabaseName from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { removedFromUrls, segmentProblem } from "../data/path.js"
import * as Revision from "../data/Revision.js"
import { DecodeError, EncodeError } from "../document/errors.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../http/CouchHttp.js"
import { isIdentified } from "../http/responseError.js"
import { schemaIssues } from "../http/schemaIssues.js"
import { serverOf } from "../http/server.js"
import * as Transport from "../http/Transport.js"
import type { CallError, Fn, Options, Response, Updated, UpdateError, Where } from "./Functions.js"
import type { AnyOptions, Options as ViewOptions, View } from "./View.js"
import { bodyOf, inDesign, parametersOf, queryOf } from "./view/request.js"

export const TypeId: unique symbol = Symbol.for("effect-couchdb/Functions/Fn")
export type TypeId = typeof TypeId

/** How the input of a function is encoded, and its response decoded. */
export interface Variance<in In, out Out, out R> {
  readonly input: (input: In) => Effect.Effect<Option.Option<unknown>, ParseResult.ParseIssue, R>
  readonly output: (text: string) => Effect.Effect<Out, ParseResult.ParseIssue, R>
}

const json = Option.liftThrowable((text: string): unknown => JSON.parse(text))

export const make = <In = void, II = unknown, RI = never, Out = string, IO = unknown, RO = never>(
  { design, input, name, output }: {
    readonly design: string
    readonly name: string
    readonly input?: Schema.Schema<In, II, RI> | undefined
    readonly output?: Schema.Schema<Out, IO, RO> | undefined
  }
): Fn<In, Out, RI | RO> => {
  const encode = input === undefined ? undefined : ParseResult.encode(input)
  const decode = output === undefined ? undefined : ParseResult.decodeUnknown(output)
  const variance: Variance<In, Out, RI | RO> = {
    input: (value) => encode === undefined ? Effect.succeedNone : Effect.asSome(encode(value)),
    // Without a schema, `Out` has its default type `string`.
    output: (text) => decode === undefined ? Effect.succeed(text as Out) : decode(Option.getOrUndefined(json(text)))
  }
  return { design, name, [TypeId]: variance }
}

const databaseOf = (where: Where) => DatabaseName.decode(typeof where === "string" ? where : where.database)

const nameOf = (kind: string, { design, name }: Fn<never, unknown, unknown>): string =>
  `_design/${design}/${kind}/${name}`

const inputOf = <In, Out, R>(
  database: string,
  id: string,
  fn: Fn<In, Out, R>,
  input: In
): Effect.Effect<Option.Option<string>, EncodeError, R> => {
  const refused = (issues: EncodeError["issues"]) => new EncodeError({ database, id, issues })
  return fn[TypeId].input(input).pipe(
    Effect.mapError((issue) => refused(schemaIssues(issue))),
    Effect.flatMap(Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (value): Effect.Effect<Option.Option<string>, EncodeError> =>
        Either.match(Json.fromUnknown(value), {
          onLeft: ({ path, problem }) => Effect.fail(refused([{ path, expected: problem }])),
          onRight: (json) => Effect.succeedSome(Json.stringify(json))
        })
    }))
  )
}

const outputOf = <In, Out, R>(
  couch: FromServer,
  database: string,
  id: string,
  fn: Fn<In, Out, R>,
  response: Transport.BufferedResponse
): Effect.Effect<Out, DecodeError, R> =>
  Effect.mapError(
    fn[TypeId].output(Transport.text(response)),
    (issue) => new DecodeError({ ...serverOf(couch), database, id, rev: "", issues: schemaIssues(issue) }, issue)
  )

const withQuery = (path: string, query: Options["query"]): string => {
  const text = new URLSearchParams(query === undefined ? [] : Object.entries(query)).toString()
  return text === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${text}`
}

/** A function may respond with anything, so only the headers identify CouchDB. */
const verifyHeaders: NonNullable<CouchRequest["verify"]> = ({ headers }) =>
  isIdentified(headers) ? undefined : "its headers do not identify CouchDB"

/** The request to an update or show function. */
const request = <In, Out, R>(
  where: Where,
  kind: "_update" | "_show",
  fn: Fn<In, Out, R>,
  input: In,
  { id, query }: Options,
  methodOf: (given: boolean) => CouchRequest["method"]
): Effect.Effect<CouchRequest & { readonly database: string; readonly id: string }, InvalidIdError | EncodeError, R> =>
  Effect.gen(function*() {
    const database = yield* databaseOf(where)
    const path = yield* inDesign(fn.design, kind, fn.name, "function")
    const document = id === undefined ? "" : `/${DocumentId.toPath(yield* DocumentId.decode(id))}`
    const about = nameOf(kind, fn)
    const body = yield* inputOf(database, about, fn, input)
    return {
      method: methodOf(Option.isSome(body)),
      path: withQuery(`/${DatabaseName.toPath(database)}${path}${document}`, query),
      route: `/{db}/_design/{ddoc}/${kind}/{func}${id === undefined ? "" : "/{docid}"}`,
      database,
      id: about,
      headers: { accept: "*/*" },
      verify: verifyHeaders,
      ...(Option.isSome(body) && { body: body.value })
    }
  })

/** The server percent-encodes the id, as in a path. */
const decodeHeader = Option.liftThrowable(decodeURIComponent)

export const update = <In, Out, R>(
  where: Where,
  fn: Fn<In, Out, R>,
  input: In,
  options: Options = {}
): Effect.Effect<Updated<Out>, UpdateError, CouchHttp | R> =>
  Effect.gen(function*() {
    const called = yield* request(where, "_update", fn, input, options, () => options.id === undefined ? "POST" : "PUT")
    const couch = yield* CouchHttp
    const response = yield* couch.execute(called)
    const { headers, status } = response
    return {
      output: yield* outputOf(couch, called.database, called.id, fn, response),
      id: Option.flatMap(Option.fromNullable(headers["x-couch-id"]), decodeHeader),
      rev: Option.filter(Option.fromNullable(headers["x-couch-update-newrev"]), Revision.isRevision),
      durability: status === 202 ? "accepted" : "quorum"
    }
  })

export const show = <In, Out, R>(
  where: Where,
  fn: Fn<In, Out, R>,
  input: In,
  options: Options = {}
): Effect.Effect<Out, CallError, CouchHttp | R> =>
  Effect.gen(function*() {
    const called = yield* request(where, "_show", fn, input, options, (given) => given ? "POST" : "GET")
    const couch = yield* CouchHttp
    const response = yield* conflictAsBadRequest(couch.execute({ ...called, idempotent: true }))
    return yield* outputOf(couch, called.database, called.id, fn, response)
  })

export const list = <Out, R, K, V, R2>(
  where: Where,
  fn: Fn<void, Out, R>,
  view: View<K, V, R2>,
  options: ViewOptions<K> & { readonly query?: Options["query"] } = {}
): Effect.Effect<Out, CallError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const database = yield* databaseOf(where)
    const base = yield* inDesign(fn.design, "_list", fn.name, "function")
    const { place } = view
    if (place._tag !== "Design") {
      return yield* Effect.fail(
        new InvalidIdError({
          kind: "view",
          value: place._tag,
          problem: "is not a view of a design document; list functions support only those"
        })
      )
    }
    const parts = place.design === fn.design ? [place.view] : [place.design, place.view]
    for (const part of parts) {
      const problem = segmentProblem(part)
      if (problem !== undefined) {
        return yield* Effect.fail(new InvalidIdError({ kind: "view", value: part, problem }))
      }
    }
    const { query, ...rest } = options
    const all = yield* parametersOf(database, place, view.key, rest as AnyOptions<K>, false)
    // Many keys are too long for a query string, and a list function accepts nothing else in a body.
    const keys = all.filter(({ name }) => name === "keys")
    const parameters = all.filter(({ name }) => name !== "keys")
    const path = `/${DatabaseName.toPath(database)}${base}/${parts.map(encodeURIComponent).join("/")}`
    const about = nameOf("_list", fn)
    const couch = yield* CouchHttp
    const response = yield* conflictAsBadRequest(couch.execute({
      ...(keys.length === 0
        ? { method: "GET" as const }
        : { method: "POST" as const, idempotent: true, body: Json.stringify(bodyOf(keys)) }),
      path: withQuery(parameters.length === 0 ? path : `${path}?${queryOf(parameters)}`, query),
      route: `/{db}/_design/{ddoc}/_list/{func}/${parts.length === 1 ? "{view}" : "{other-ddoc}/{view}"}`,
      database,
      id: about,
      headers: { accept: "*/*" },
      verify: verifyHeaders
    }))
    return yield* outputOf(couch, database, about, fn, response)
  })

export const rewrite = (
  where: Where,
  design: string,
  path: string,
  { body, method = "GET", query }: {
    readonly method?: CouchRequest["method"] | undefined
    readonly query?: Options["query"]
    readonly body?: string | undefined
  } = {}
) =>
  Effect.gen(function*() {
    const database = yield* databaseOf(where)
    const problem = segmentProblem(design) ?? segmentsProblem(path)
    if (problem !== undefined) {
      return yield* Effect.fail(new InvalidIdError({ kind: "design document", value: `${design}/${path}`, problem }))
    }
    const couch = yield* CouchHttp
    const response = yield* couch.execute({
      method,
      path: withQuery(
        `/${DatabaseName.toPath(database)}/_design/${encodeURIComponent(design)}/_rewrite/${path.replace(/^\//, "")}`,
        query
      ),
      route: "/{db}/_design/{ddoc}/_rewrite/{path}",
      database,
      id: `_design/${design}`,
      headers: { accept: "*/*" },
      verify: verifyHeaders,
      ...(body !== undefined && { body })
    })
    const result: Response = {
      status: response.status,
      contentType: Option.fromNullable(response.headers["content-type"]),
      text: Transport.text(response)
    }
    return result
  })

/** A path that a URL parser normalizes would leave the design document. */
const segmentsProblem = (path: string): string | undefined =>
  (path.split("?")[0] ?? "").split("/").some((part) => /^(?:\.|%2e){1,2}$/i.test(part))
    ? removedFromUrls
    : undefined
