import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import * as Utf8 from "../encoding/utf8.js"
import * as Ranges from "../http/byteRange.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, deleted, internalError, missing, refuse } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { IncomingAttachment } from "../storage/attachments.js"
import * as Attachments from "../storage/attachments.js"
import type { Incoming } from "../storage/incoming.js"
import { checkId, checkPartition, checkReadPartition } from "../storage/incoming.js"
import { parseOptions } from "../storage/readOptions.js"
import * as Revs from "../storage/revision.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Attachment } from "../storage/state.js"
import { agreedRev, location, writeOne } from "./document.js"

const noAttachment = refuse(404, "not_found", "Document is missing attachment")

const findAttachment = (attachments: ReadonlyArray<Attachment>, name: string): Checked<Attachment> => {
  const found = attachments.find((held) => held.name === name)
  return found === undefined ? noAttachment : Either.right(found)
}

/** Whether the client accepts gzip. An error if it accepts no encoding at all. */
const acceptsGzip = (request: Request): Checked<boolean> => {
  const weights = new Map(
    (Req.header(request, "accept-encoding") ?? "").split(",").map((item) => {
      const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase())
      return [name, !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))] as const
    })
  )
  const gzip = weights.get("gzip") ?? weights.get("*") ?? false
  const identity = weights.get("identity") ?? weights.get("*") ?? true
  return gzip || identity ? Either.right(gzip) : refuse(500, "unknown_error", "unacceptable_encoding")
}

const get = (context: DatabaseContext, id: string, name: string): CheckedReply =>
  Either.gen(function*() {
    const { database, request, server } = context
    const { flags, rev } = yield* parseOptions(request.query)
    const record = database.documents.get(id)
    const wanted = rev === undefined || flags.has("latest") ? undefined : rev
    const node = record === undefined
      ? undefined
      : wanted === undefined
      ? RevisionTree.winner(record.tree)
      : RevisionTree.get(record.tree, wanted)
    if (node?.version === undefined) return yield* Either.left(missing)
    if (wanted === undefined && node.version.deleted && !flags.has("deleted")) return yield* Either.left(deleted)
    const attachment = yield* findAttachment(node.version.attachments, name)
    const { contentType, data, encoding } = attachment
    const encoded = encoding === "gzip" && (yield* acceptsGzip(request))
    const body = encoded ? data : Attachments.decompressed(attachment)
    if (body === undefined) return yield* internalError("data_error")
    const etag = `"${attachment.digest.slice("md5-".length)}"`
    const headers = {
      etag,
      "accept-ranges": encoding === "identity" ? "bytes" : "none",
      "cache-control": "must-revalidate",
      "content-security-policy": "sandbox",
      "content-type": contentType,
      ...(encoded ? { "content-encoding": "gzip" } : undefined)
    }
    const ranges = yield* Ranges.parse(Req.header(request, "range"), body.length)
    return Response.unlessMatched(request, etag, () =>
      encoding === "gzip" || ranges === undefined
        ? { status: 200, headers, body }
        : Ranges.respond(body, ranges, contentType, headers, server.random.hex(32)))
  })

const encodingOf = (request: Request): Checked<"gzip" | "identity"> => {
  const encoding = (Req.header(request, "content-encoding") ?? "identity").trim().toLowerCase()
  return encoding === "identity" || encoding === "gzip"
    ? Either.right(encoding)
    : refuse(415, "bad_content_type", "Only gzip and identity content-encodings are supported")
}

const uploaded = (request: Request, name: string): Checked<IncomingAttachment> =>
  Either.map(encodingOf(request), (encoding) => {
    const { body } = request
    return {
      _tag: "Data",
      name,
      contentType: Req.header(request, "content-type") ?? Attachments.defaultType,
      revpos: 0,
      encoding,
      length: undefined,
      digest: undefined,
      data: typeof body === "string" ? Utf8.encode(body) : body ?? new Uint8Array(0)
    }
  })

/** The revision to change with all other attachments, or an empty document if there is no revision. */
const edited = (context: DatabaseContext, id: string, name: string, mustHave: boolean): Checked<Incoming> =>
  Either.gen(function*() {
    const { database, request } = context
    const named = Req.param(request, "rev")
    const rev = yield* agreedRev(request, named === undefined ? undefined : yield* Revs.parse(named))
    const record = database.documents.get(id)
    if (rev === undefined) {
      if (mustHave) {
        const current = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version
        if (current === undefined) return yield* Either.left(missing)
        if (current.deleted) return yield* Either.left(deleted)
        yield* findAttachment(current.attachments, name)
      }
      return { id: yield* checkId(id), generation: 0, hashes: [], deleted: false, body: {}, attachments: [] }
    }
    const version = record === undefined ? undefined : RevisionTree.get(record.tree, rev)?.version
    if (version === undefined) return yield* refuse(409, "not_found", "missing_rev")
    if (mustHave) yield* findAttachment(version.attachments, name)
    return {
      id,
      generation: rev.generation,
      hashes: [rev.hash],
      deleted: version.deleted,
      body: version.body,
      attachments: version.attachments
        .filter((attachment) => attachment.name !== name)
        .map((attachment): IncomingAttachment => ({ _tag: "Stored", name: attachment.name, attachment }))
    }
  })

const put = (context: DatabaseContext, id: string, name: string): CheckedReply =>
  Either.gen(function*() {
    yield* Attachments.checkName(name)
    yield* checkReadPartition(context.database, id)
    const attachment = yield* uploaded(context.request, name)
    const document = yield* edited(context, id, name, false)
    if (!id.startsWith("_")) yield* checkPartition(context.database, id)
    const rev = yield* writeOne(
      context,
      { ...document, attachments: [attachment, ...document.attachments] },
      true
    )
    return Response.json(201, { ok: true, id, rev: Revs.format(rev) }, {
      location: `${location(context, id)}/${Req.percentEncode(name)}`
    })
  })

const remove = (context: DatabaseContext, id: string, name: string): CheckedReply =>
  Either.gen(function*() {
    yield* Attachments.checkName(name)
    yield* checkReadPartition(context.database, id)
    const rev = yield* writeOne(context, yield* edited(context, id, name, true), true)
    return Response.json(200, { ok: true, id, rev: Revs.format(rev) })
  })

/** `/db/id/name` */
export const handle = (
  context: DatabaseContext,
  id: string,
  names: ReadonlyArray<string | undefined>
): CheckedReply => {
  const name = names.map((part) => part ?? "\ufffd").join("/")
  if (names.includes(undefined) && (context.request.method === "PUT" || context.request.method === "DELETE")) {
    return badRequest("Attachment name is not UTF-8 encoded")
  }
  return byMethod(context, {
    GET: () => Either.flatMap(checkReadPartition(context.database, id), () => get(context, id, name)),
    PUT: () => put(context, id, name),
    DELETE: () => remove(context, id, name)
  }, "DELETE,GET,HEAD,PUT")
}
