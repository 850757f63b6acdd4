import * as Either from "effect/Either"
import type { Answer, DatabaseContext } from "./context.js"
import { byMethod } from "./context.js"
import { parseOptions } from "./reading.js"
import { deleted, missing, notImplemented, refuse } from "./refusal.js"
import * as Response from "./response.js"
import * as RevisionTree from "./revisionTree.js"

const get = (context: DatabaseContext, id: string, name: string): Answer =>
  Either.flatMap(parseOptions(context.request.query), ({ flags, rev }): Answer => {
    const record = context.database.documents.get(id)
    const wanted = rev === undefined || flags.has("latest") ? undefined : rev
    const node = record === undefined
      ? undefined
      : wanted === undefined
      ? RevisionTree.winner(record.tree)
      : RevisionTree.get(record.tree, wanted)
    if (node?.version === undefined) return Either.left(missing)
    if (wanted === undefined && node.version.deleted && !flags.has("deleted")) return Either.left(deleted)
    const attachment = node.version.attachments.find((held) => held.name === name)
    if (attachment === undefined) return refuse(404, "not_found", "Document is missing attachment")
    const etag = `"${attachment.digest.slice("md5-".length)}"`
    return Either.right(Response.unlessKnown(context.request, etag, () => ({
      status: 200,
      headers: {
        etag,
        "accept-ranges": "none",
        "cache-control": "must-revalidate",
        "content-security-policy": "sandbox",
        "content-type": attachment.contentType
      },
      body: attachment.data
    })))
  })

/** `/db/id/name`: an attachment of its own. */
export const handle = (
  context: DatabaseContext,
  id: string,
  names: ReadonlyArray<string | undefined>
): Answer =>
  byMethod(context, {
    GET: () => get(context, id, names.map((name) => name ?? "").join("/")),
    PUT: () => notImplemented("uploads of attachments of their own"),
    DELETE: () => notImplemented("deletion of attachments of their own")
  }, "GET,HEAD,PUT,DELETE")
