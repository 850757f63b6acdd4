import * as Json from "effect-couchdb/Json"
import type { BufferedResponse } from "effect-couchdb/Transport"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, deleted, internalError, missing, notImplemented } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { View } from "../storage/attachments.js"
import type { Incoming } from "../storage/incoming.js"
import { checkAttachmentNames, checkId, checkPartition, checkReadPartition, fromJson } from "../storage/incoming.js"
import { openRevsSorted } from "../storage/openRevs.js"
import { attachmentView, printLocal, printNode, printWinner } from "../storage/printDocument.js"
import type { ReadOptions } from "../storage/readOptions.js"
import { parseOptions } from "../storage/readOptions.js"
import type { Rev } from "../storage/revision.js"
import * as Revs from "../storage/revision.js"
import type { Node } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { DocumentRecord, Version } from "../storage/state.js"
import * as MultipartReader from "./multipartReader.js"
import type { Part } from "./multipartWriter.js"
import * as Multipart from "./multipartWriter.js"
import * as Writes from "./writes.js"

const isLocal = (id: string): boolean => id.startsWith("_local/")

/** The `Location` of a document. */
export const location = ({ database, request }: DatabaseContext, id: string): string =>
  `${request.origin}/${Req.percentEncode(database.name)}/${Req.percentEncode(id)}`

const localEtag = (id: string, rev: string, body: Json.JsonObject): string =>
  Response.etagOf(`${id} ${rev} ${Json.stringify(body)}`)

const openWinner = (
  { database }: DatabaseContext,
  id: string,
  withDeleted: boolean
): Checked<StoredRevision> => {
  const record = database.documents.get(id)
  const node = record === undefined ? undefined : RevisionTree.winner(record.tree)
  const version = node?.version
  if (record === undefined || node === undefined || version === undefined) return Either.left(missing)
  return version.deleted && !withDeleted ? Either.left(deleted) : Either.right({ record, node, version })
}

const getLocal = (context: DatabaseContext, id: string, options: ReadOptions): CheckedReply => {
  const local = context.database.locals.get(id)
  if (local === undefined || options.rev !== undefined || options.openRevs !== undefined) return Either.left(missing)
  const etag = localEtag(id, local.rev, local.body)
  return Either.right(
    Response.unlessMatched(context.request, etag, () => Response.text(200, printLocal(local, options.flags), { etag }))
  )
}

const getOpenRevs = (
  context: DatabaseContext,
  id: string,
  revs: "all" | ReadonlyArray<Rev>,
  { attsSince, flags }: ReadOptions
): CheckedReply => {
  const record = context.database.documents.get(id)
  const found = openRevsSorted(record, revs, flags.has("latest"))
  if (found.length === 0) return Either.left(missing)
  const { revsLimit } = context.database
  const viewOf = (record: DocumentRecord, node: Node<Version>, follows: boolean): View =>
    attachmentView(record, node, flags, attsSince, follows)
  if (Req.accepts(context.request, "multipart/mixed")) {
    const parts = found.map(({ node, rev }): Part => {
      const version = node?.version
      if (record === undefined || node === undefined || version === undefined) {
        return { rev: Revs.format(rev), document: undefined }
      }
      const view = viewOf(record, node, true)
      const text = printNode(record, node, version, flags, revsLimit, view)
      return { rev: Revs.format(rev), document: Multipart.document(text, version.attachments, view) }
    })
    const { random } = context.server
    return Either.right(Multipart.multipartMixed(random.hex(32), random.hex(32), parts))
  }
  const printed = found.map(({ node, rev }) =>
    record === undefined || node?.version === undefined
      ? print({ missing: Revs.format(rev) })
      : `{"ok":${printNode(record, node, node.version, flags, revsLimit, viewOf(record, node, false))}}`
  )
  return Either.right(Response.text(200, `[${printed.join(",")}]`))
}

const get = (context: DatabaseContext, id: string): CheckedReply =>
  Either.flatMap(parseOptions(context.request.query), (options) => {
    const { flags } = options
    if (isLocal(id)) return getLocal(context, id, options)
    if (options.openRevs !== undefined) return getOpenRevs(context, id, options.openRevs, options)
    if (options.rev !== undefined && !flags.has("latest")) {
      const record = context.database.documents.get(id)
      const node = record === undefined ? undefined : RevisionTree.get(record.tree, options.rev)
      const version = node?.version
      return record === undefined || node === undefined || version === undefined
        ? Either.left(missing)
        : Either.right(respondWith(context, { record, node, version }, options, false))
    }
    return Either.map(
      openWinner(context, id, flags.has("deleted")),
      (found) => respondWith(context, found, options, true)
    )
  })

interface StoredRevision {
  readonly record: DocumentRecord
  readonly node: Node<Version>
  readonly version: Version
}

/** Responds with a revision, as JSON or with its attachments in parts. */
const respondWith = (
  context: DatabaseContext,
  { node, record, version }: StoredRevision,
  { attsSince, flags }: ReadOptions,
  winning: boolean
): BufferedResponse => {
  const { database, request, server } = context
  const given = flags.has("attachments") || attsSince !== undefined
  const follows = given && version.attachments.length > 0 && Req.accepts(request, "multipart/related")
  const view = attachmentView(record, node, flags, attsSince, follows)
  const { meta, text } = winning
    ? printWinner(record, node, version, flags, database.revsLimit, view)
    : { text: printNode(record, node, version, flags, database.revsLimit, view), meta: false }
  const headers: Record<string, string> = meta ? {} : { etag: `"${Revs.format(node)}"` }
  const render = (): BufferedResponse =>
    follows
      ? Multipart.multipartRelated(
        server.random.hex(32),
        Multipart.document(text, version.attachments, view),
        headers
      )
      : Response.text(200, text, headers)
  return headers["etag"] === undefined ? render() : Response.unlessMatched(request, headers["etag"], render)
}

/** The revision in the header `If-Match`. */
const headerRev = (request: Request): Checked<Rev | undefined> => {
  const value = Req.header(request, "if-match")
  return value === undefined ? Either.right(undefined) : Revs.parse(value.replace(/^"+|"+$/g, ""))
}

const same = (self: Rev, that: Rev): boolean => Revs.compare(self, that) === 0

/** The revision of a request. An error if header and query or body disagree. */
export const agreedRev = (request: Request, explicit: Rev | undefined): Checked<Rev | undefined> =>
  Either.flatMap(
    headerRev(request),
    (fromHeader) =>
      explicit !== undefined && fromHeader !== undefined && !same(explicit, fromHeader)
        ? badRequest("Document rev and etag have different values")
        : Either.right(explicit ?? fromHeader)
  )

/** The document with the id and the revision of its request. */
const withAddress = (
  request: Request,
  id: string,
  document: Incoming,
  queryRev: Rev | undefined
): Checked<Incoming> =>
  Either.flatMap(checkAttachmentNames(document), () => {
    const hash = document.hashes[0]
    const own = hash === undefined ? undefined : { generation: document.generation, hash }
    if (own !== undefined && queryRev !== undefined && !same(own, queryRev)) {
      return badRequest("Document rev from request body and query string have different values")
    }
    return Either.map(agreedRev(request, own ?? queryRev), (rev) => ({
      ...document,
      id,
      ...(own !== undefined
        ? undefined
        : { generation: rev?.generation ?? 0, hashes: rev === undefined ? [] : [rev.hash] })
    }))
  })

/** Writes a document. Returns its new revision. */
export const writeOne = (context: DatabaseContext, document: Incoming, newEdits: boolean): Checked<Rev> =>
  Either.flatMap(context.beforeWrite(context, document, newEdits), (ready) => {
    const { database, server, user } = context
    if (newEdits) {
      return Either.flatMap(
        Writes.edit(server, database, user, [ready]),
        ([outcome]) => outcome ?? Either.left(missing)
      )
    }
    return Either.flatMap(Writes.replicate(server, database, user, [ready]), ([refused]) =>
      refused === undefined
        ? Either.right({ generation: ready.generation, hash: ready.hashes[0] ?? "" })
        : Either.left(refused.refusal))
  })

const writeResult = (id: string, rev: Rev): Json.Json => ({ ok: true, id, rev: Revs.format(rev) })

const etagAfter = (document: Incoming, rev: Rev): string =>
  isLocal(document.id) ? localEtag(document.id, rev.hash, document.body) : `"${Revs.format(rev)}"`

const requireRev = (document: Incoming, newEdits: boolean): Checked<Incoming> =>
  newEdits || document.hashes.length > 0
    ? Either.right(document)
    : badRequest("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")

/** The document in the body of a request, alone or with attachments. */
const parseDocument = (request: Request): Checked<Incoming> => {
  const type = Req.header(request, "content-type")
  return type?.startsWith("multipart/related;") === true
    ? MultipartReader.read(type, request.body)
    : Either.flatMap(Req.sizedJson(request), ({ length, value }) => fromJson(value, length))
}

const put = (context: DatabaseContext, id: string): CheckedReply =>
  Either.gen(function*() {
    const { request } = context
    const options = yield* parseOptions(request.query)
    yield* checkId(id)
    const document = yield* Either.flatMap(parseDocument(request), (incoming) =>
      withAddress(request, id, incoming, options.rev))
    yield* requireRev(document, options.newEdits)
    if (Req.param(request, "batch") === "ok") {
      // CouchDB responds before it writes, so errors are not reported.
      writeOne(context, document, true)
      return Response.json(202, { ok: true, id })
    }
    const rev = yield* writeOne(context, document, options.newEdits)
    return Response.json(document.deleted ? 200 : 201, writeResult(id, rev), {
      etag: etagAfter(document, rev),
      location: location(context, id)
    })
  })

const remove = (context: DatabaseContext, id: string): CheckedReply =>
  Either.gen(function*() {
    const { database, request } = context
    if (isLocal(id)) {
      if (!database.locals.has(id)) return yield* Either.left(missing)
    } else yield* openWinner(context, id, false)
    const named = Req.param(request, "rev")
    const queryRev = named === undefined ? undefined : yield* Revs.parse(named)
    const document = yield* withAddress(request, id, {
      id,
      generation: 0,
      hashes: [],
      deleted: true,
      body: {},
      attachments: []
    }, queryRev)
    const rev = yield* writeOne(context, document, true)
    return Response.json(200, writeResult(id, rev), { etag: etagAfter(document, rev) })
  })

const copy = (context: DatabaseContext, id: string): CheckedReply =>
  Either.gen(function*() {
    const { database, request } = context
    const named = Req.param(request, "rev")
    const sourceRev = yield* agreedRev(request, named === undefined ? undefined : yield* Revs.parse(named))
    const destination = Req.header(request, "destination")
    if (destination === undefined) return yield* badRequest("Destination header is mandatory for COPY.")
    if (/^https?:\/\//.test(destination)) return yield* badRequest("Destination URL must be relative.")
    const mark = destination.indexOf("?")
    const target = yield* checkId(Req.percentDecode(mark < 0 ? destination : destination.slice(0, mark)))
    const targetText = mark < 0 ? undefined : destination.slice(mark + 1).split("=")
    if (targetText !== undefined && targetText.length !== 2) {
      return yield* internalError(targetText.join("="), "badmatch")
    }
    const targetRev = targetText === undefined ? undefined : yield* Revs.parse(targetText[1])
    yield* checkPartition(database, target)
    yield* checkReadPartition(database, id)
    const record = database.documents.get(id)
    const local = database.locals.get(id)
    const source = local !== undefined && sourceRev === undefined
      ? { deleted: false, body: local.body, attachments: [] }
      : sourceRev === undefined
      ? (yield* openWinner(context, id, false)).version
      : record === undefined
      ? undefined
      : RevisionTree.get(record.tree, sourceRev)?.version
    if (source === undefined) return yield* Either.left(missing)
    const document: Incoming = {
      id: target,
      generation: targetRev?.generation ?? 0,
      hashes: targetRev === undefined ? [] : [targetRev.hash],
      deleted: source.deleted,
      body: source.body,
      attachments: source.attachments.map((attachment) => ({ _tag: "Stored", name: attachment.name, attachment }))
    }
    const rev = yield* writeOne(context, document, true)
    return Response.json(201, writeResult(target, rev), {
      etag: `"${Revs.format(rev)}"`,
      location: location(context, target)
    })
  })

/** `POST /db` */
export const post = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const { request, server } = context
    yield* Req.requireJson(request)
    const { length, value } = yield* Req.sizedJson(request)
    const parsed = yield* Either.flatMap(fromJson(value, length), checkAttachmentNames)
    yield* checkPartition(context.database, parsed.id)
    const document = parsed.id === ""
      ? { ...parsed, id: server.nextId(), generation: 0, hashes: [] }
      : parsed
    if (Req.param(request, "batch") === "ok") {
      writeOne(context, document, true)
      return Response.json(202, { ok: true, id: document.id })
    }
    const rev = yield* writeOne(context, document, true)
    return Response.json(201, writeResult(document.id, rev), { location: location(context, document.id) })
  })

/** `/db/id` */
export const handle = (context: DatabaseContext, id: string): CheckedReply =>
  Either.flatMap(checkRequest(context, id), () => endpoints(context, id))

/** As in CouchDB, the parameters are checked before the id. */
const checkRequest = ({ database, request }: DatabaseContext, id: string): Checked<unknown> =>
  request.method === "COPY"
    ? Either.void
    : request.method === "DELETE"
    ? checkReadPartition(database, id)
    : Either.flatMap(parseOptions(request.query), () =>
      request.method === "PUT" && !id.startsWith("_")
        ? checkPartition(database, id)
        : checkReadPartition(database, id))

const endpoints = (context: DatabaseContext, id: string): CheckedReply =>
  byMethod(context, {
    GET: () => get(context, id),
    PUT: () => put(context, id),
    DELETE: () => remove(context, id),
    COPY: () => copy(context, id),
    POST: () =>
      context.request.headers["referer"] === undefined
        ? badRequest("Referer header required.")
        : notImplemented("uploads by HTML forms")
  }, "DELETE,GET,HEAD,POST,PUT,COPY")
