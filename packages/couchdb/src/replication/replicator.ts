import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Filter } from "../changes/Changes.js"
import { InvalidIdError } from "../data/errors.js"
import { functionName, functionNameProblem, isFoundByReplicator } from "../data/functionName.js"
import * as Json from "../data/Json.js"
import { segmentProblem } from "../data/path.js"
import { quote } from "../data/text.js"
import { conflictOfCreation } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { sendDecoded } from "../http/decodeResponse.js"
import { BadRequestError, NotFoundError } from "../http/errors.js"
import { failWithServer } from "../http/failWithServer.js"
import { errorResponseOf } from "../http/responseError.js"
import { sendOk } from "../http/send.js"
import { jsonOf } from "../http/verification.js"
import { verifyDocument, verifyWritten } from "../http/verification.js"
import { ReplicationFailedError } from "./errors.js"
import type { Definition, DefinitionError, Remote, ServerError, Status } from "./Replication.js"
import { JobsResponse, ResultResponse, StatusesResponse, StatusResponse } from "./schemas.js"

const remote = (side: Remote): Json.Json => {
  if (typeof side === "string") return side
  const { headers, password, url, username } = side
  return {
    url,
    ...(username !== undefined && {
      auth: { basic: { username, password: password === undefined ? "" : Redacted.value(password) } }
    }),
    ...(headers !== undefined && {
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Redacted.value(value)]))
    })
  }
}

const filterMembers = (filter: Filter | undefined): { readonly [key: string]: Json.Json } => {
  switch (filter?._tag) {
    case undefined:
      return {}
    case "Ids":
      // CouchDB percent-decodes these ids.
      return { doc_ids: filter.ids.map(encodeURIComponent) }
    case "Selector":
      return { selector: filter.selector }
    case "DesignDocuments":
      return { filter: "_design" }
    case "View":
      return { filter: "_view", query_params: { view: functionName(filter.design, filter.view) } }
    case "Function":
      return { filter: `${filter.design}/${filter.name}`, query_params: filter.parameters }
  }
}

/** Why a server cannot use this filter. */
const filterProblem = (filter: Filter | undefined): string | undefined => {
  switch (filter?._tag) {
    case "Ids":
      return filter.ids.some(Json.hasLoneSurrogate)
        ? "an id of the filter contains a lone surrogate, which UTF-8 cannot encode"
        : undefined
    case "View":
      return functionNameProblem(filter.design, filter.view)?.message
    case "Function":
      return functionNameProblem(filter.design, filter.name)?.message ??
        (isFoundByReplicator(filter.design, filter.name)
          ? undefined
          : `CouchDB's replicator does not find the filter function ${
            quote(`${filter.design}/${filter.name}`)
          }, whose ` +
            "name contains a plus sign, a slash or an escaped character, or starts with an underscore: rename it, filter " +
            "by a view, or replicate with this program (Replication.replicate)")
    default:
      return undefined
  }
}

const bodyOf = (
  definition: Definition,
  extra: { readonly [key: string]: Json.Json },
  { method, path }: Pick<CouchRequest, "method" | "path">
): Effect.Effect<string, BadRequestError> => {
  const problem = filterProblem(definition.filter)
  return problem === undefined ? Effect.sync(() => textOf(definition, extra)) : Effect.fail(
    new BadRequestError({ method, path, status: 400, error: "bad_request", reason: `${problem}; no request was sent` })
  )
}

const textOf = (definition: Definition, extra: { readonly [key: string]: Json.Json }): string =>
  Json.stringify({
    source: remote(definition.source),
    target: remote(definition.target),
    ...filterMembers(definition.filter),
    ...(definition.createTarget === true && { create_target: true }),
    ...(definition.sinceSequence !== undefined && { since_seq: definition.sinceSequence }),
    ...(definition.useCheckpoints !== undefined && { use_checkpoints: definition.useCheckpoints }),
    ...(definition.winningRevisionsOnly === true && { winning_revs_only: true }),
    ...extra
  })

/** Reports a database that the server cannot open as a `NotFoundError`. */
const reportMissingDatabase = <A, R>(self: Effect.Effect<A, ServerError, R>): Effect.Effect<A, ServerError, R> =>
  Effect.mapError(self, (error) =>
    error._tag === "ServerError" && error.error === "db_not_found"
      ? new NotFoundError(errorResponseOf(error))
      : error)

// The same definition has the same id, so a repeated request joins or continues the running replication.
const replicateRequest = (body: string): CouchRequest => ({
  method: "POST",
  path: "/_replicate",
  route: "/_replicate",
  body,
  idempotent: true
})

export const once = (definition: Definition) =>
  Effect.flatMap(
    bodyOf(definition, {}, replicateRequest("")),
    (body) => reportMissingDatabase(sendDecoded(ResultResponse, replicateRequest(body)))
  )

const ContinuousResponse = Schema.Struct({ _local_id: Schema.String })

export const continuous = (definition: Definition) =>
  Effect.flatMap(
    bodyOf(definition, { continuous: true }, replicateRequest("")),
    (body) =>
      Effect.map(
        reportMissingDatabase(sendDecoded(ContinuousResponse, replicateRequest(body))),
        ({ _local_id }) => ({ id: _local_id })
      )
  )

export const cancel = (which: string | Definition) =>
  Effect.flatMap(
    typeof which === "string"
      ? Effect.succeed(Json.stringify({ replication_id: which, cancel: true }))
      : bodyOf(which, { continuous: true, cancel: true }, replicateRequest("")),
    (body) => sendOk({ ...replicateRequest(body), idempotent: false })
  )

const documentAt = (id: string, method: CouchRequest["method"], path: string, route: string) => {
  const problem = segmentProblem(id) ?? (id.startsWith("_") ? "begins with an underscore" : undefined)
  return problem === undefined
    ? Effect.succeed<CouchRequest>({ method, path, route, database: "_replicator", id })
    : Effect.fail(new InvalidIdError({ kind: "document", value: id, problem }))
}

const documentPath = (id: string) => `/_replicator/${encodeURIComponent(id)}`

/** Writes the document of a replication. CouchDB also writes this document, so its revision cannot be predicted. */
export const define = (
  id: string,
  definition: Definition,
  continuous: boolean
): Effect.Effect<void, DefinitionError, CouchHttp> =>
  Effect.gen(function*() {
    const request = yield* documentAt(id, "PUT", documentPath(id), "/{db}/{docid}")
    const body = yield* bodyOf(definition, continuous ? { continuous: true } : {}, request)
    const couch = yield* CouchHttp
    yield* conflictOfCreation(couch.execute({ ...request, body, verify: verifyWritten(id) }))
  })

/**
 * Deletes the document of a replication. CouchDB also writes this document, so a conflict is retried with the current
 * revision.
 */
export const remove = (id: string): Effect.Effect<void, DefinitionError, CouchHttp> =>
  Effect.gen(function*() {
    const read = yield* documentAt(id, "GET", documentPath(id), "/{db}/{docid}")
    const couch = yield* CouchHttp
    const rev = Json.get(jsonOf(yield* couch.execute({ ...read, verify: verifyDocument(id) })), "_rev")
    yield* couch.execute({
      ...read,
      method: "DELETE",
      path: `${documentPath(id)}?rev=${encodeURIComponent(String(rev))}`,
      verify: verifyWritten(id)
    })
  }).pipe(Effect.retry({
    times: 5,
    while: (error) => error._tag === "UpdateConflictError"
  }))

const pageSize = 100

const pages = <A>(
  at: (skip: number) => Effect.Effect<ReadonlyArray<A>, ServerError, CouchHttp>
): Stream.Stream<A, ServerError, CouchHttp> =>
  Stream.flattenIterables(
    Stream.paginateEffect(0, (skip) =>
      Effect.map(at(skip), (rows) =>
        [rows, rows.length < pageSize ? Option.none<number>() : Option.some(skip + pageSize)] as const))
  )

export const jobs = pages((skip) => {
  const request: CouchRequest = {
    method: "GET",
    path: `/_scheduler/jobs?limit=${pageSize}&skip=${skip}`,
    route: "/_scheduler/jobs"
  }
  return Effect.map(sendDecoded(JobsResponse, request), ({ jobs }) => jobs)
})

export const statuses = pages((skip) => {
  const request: CouchRequest = {
    method: "GET",
    path: `/_scheduler/docs?limit=${pageSize}&skip=${skip}`,
    route: "/_scheduler/docs"
  }
  return Effect.map(sendDecoded(StatusesResponse, request), ({ docs }) => docs)
})

export const status = (id: string): Effect.Effect<Status, ServerError | InvalidIdError, CouchHttp> =>
  Effect.gen(function*() {
    const request = yield* documentAt(
      id,
      "GET",
      `/_scheduler/docs/_replicator/${encodeURIComponent(id)}`,
      "/_scheduler/docs/{db}/{docid}"
    )
    return yield* sendDecoded(StatusResponse, request)
  })

const same = (self: Status, that: Status): boolean =>
  self.state === that.state && self.lastUpdated === that.lastUpdated && self.errorCount === that.errorCount &&
  JSON.stringify(self.statistics) === JSON.stringify(that.statistics)

/** Streams the status of a replication until it ends, without repeating an unchanged status. */
export const progress = (id: string, every: Duration.DurationInput) =>
  Stream.paginateEffect(true, (first: boolean) =>
    Effect.flatMap(
      first ? firstStatus(id, every) : Effect.zipRight(Effect.sleep(every), Effect.suspend(() => status(id))),
      (current): Effect.Effect<readonly [Status, Option.Option<boolean>], ReplicationFailedError> =>
        current.state === "failed"
          ? failWithServer((from) =>
            new ReplicationFailedError({ ...from, id, reason: current.error ?? "no reason given" })
          )
          : Effect.succeed([current, current.state === "completed" ? Option.none() : Option.some(false)])
    )).pipe(Stream.changesWith(same))

/** Waits for the first status. The scheduler picks up a new document shortly after it is written. */
const firstStatus = (id: string, every: Duration.DurationInput) =>
  status(id).pipe(
    Effect.catchIf(
      (error): error is NotFoundError => error._tag === "NotFoundError",
      (error) => Effect.zipRight(Effect.sleep(every), Effect.fail(error))
    ),
    Effect.retry({ times: 20, while: (error) => error._tag === "NotFoundError" })
  )
