import * as Effect from "effect/Effect"
import type { Change } from "../changes/Changes.js"
import * as DatabaseName from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import * as Json from "../data/Json.js"
import { bulkWrite } from "../http/bulk/bulkDocs.js"
import type { WireError } from "../http/bulk/errors.js"
import { missingAt, onEndpoint } from "./missing.js"
import type { Endpoint, Failure } from "./Replication.js"
import { streamVersion } from "./streamVersion.js"
import { missingAttachments, type Outcome, readWithAttachments, readWithStubs, type Version } from "./version.js"

/** The result of transferring a batch. */
export interface Transferred {
  readonly checked: number
  readonly found: number
  readonly read: number
  readonly written: number
  readonly failures: ReadonlyArray<Failure>
}

/**
 * The maximum size in bytes of an attachment that is sent within JSON, and of all such attachments of a request
 * together.
 */
const jsonLimit = { each: 64 * 1024, total: 2 * 1024 * 1024 }

const attachmentBytes = (version: Version): number =>
  missingAttachments(version).reduce((sum, { length }) => sum + length, 0)

const groups = (versions: ReadonlyArray<Version>): ReadonlyArray<ReadonlyArray<Version>> => {
  const all: Array<Array<Version>> = []
  let size = Infinity
  for (const version of versions) {
    size += attachmentBytes(version)
    const last = all[all.length - 1]
    if (last === undefined || size > jsonLimit.total) {
      all.push([version])
      size = attachmentBytes(version)
    } else last.push(version)
  }
  return all
}

const writeAll = (
  target: Endpoint,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Outcome>, WireError> =>
  Effect.map(
    onEndpoint(
      target,
      bulkWrite(
        DatabaseName.make(target.database),
        versions.map(({ id, json }) => ({ id, text: Json.stringify(json) })),
        { newEdits: false }
      )
    ),
    (results) =>
      results.map((result, i): Outcome => {
        const version = versions[i] as Version
        return result._tag === "Stored"
          ? { _tag: "Written", version }
          : { _tag: "Refused", version, error: result.error }
      })
  )

/** Whether a version is sent as multipart. A version whose id cannot be part of a path is always sent within JSON. */
const isSentSeparately = (version: Version): version is Version & { readonly id: DocumentId.DocumentId } =>
  (attachmentBytes(version) > jsonLimit.each || missingAttachments(version).some(({ compressed }) => compressed)) &&
  DocumentId.isDocumentId(version.id)

const transferVersions = (
  source: Endpoint,
  target: Endpoint,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Outcome>, WireError> =>
  Effect.gen(function*() {
    const withoutAttachments = versions.filter((version) => missingAttachments(version).length === 0)
    const small = versions.filter((version) => missingAttachments(version).length > 0 && !isSentSeparately(version))
    return [
      ...(yield* writeAll(target, withoutAttachments)),
      ...(yield* Effect.forEach(groups(small), (group) =>
        Effect.flatMap(readWithAttachments(source, group), (whole) => writeAll(target, whole)))).flat(),
      ...(yield* Effect.forEach(versions.filter(isSentSeparately), (version) =>
        streamVersion(source, target, version), {
        concurrency: 4
      }))
    ]
  })

/**
 * Whether the target lacks an attachment that it should have from an ancestor, for example because the ancestor was
 * compacted.
 */
const lacksStub = (outcome: Outcome): boolean =>
  outcome._tag === "Refused" && outcome.version.ancestor !== undefined &&
  (outcome.error._tag === "MissingStubError" || outcome.error._tag === "PreconditionFailedError")

/** Transfers the revisions of a batch of changes that the target lacks. It can be repeated safely. */
export const transfer = (
  source: Endpoint,
  target: Endpoint,
  changes: ReadonlyArray<Change<unknown>>
): Effect.Effect<Transferred, WireError> =>
  Effect.gen(function*() {
    const missing = yield* missingAt(target, changes)
    const versions = yield* readWithStubs(source, missing)
    const first = yield* transferVersions(source, target, versions)
    const retried = first.filter(lacksStub).map(({ version }) => ({ ...version, ancestor: undefined }))
    const outcomes = retried.length === 0
      ? first
      : [...first.filter((outcome) => !lacksStub(outcome)), ...(yield* transferVersions(source, target, retried))]
    const written = outcomes.filter(({ _tag }) => _tag === "Written").length
    const failures = outcomes.flatMap((outcome): ReadonlyArray<Failure> =>
      outcome._tag === "Refused"
        ? [{ id: outcome.version.id, rev: outcome.version.rev, error: outcome.error }]
        : []
    )
    return {
      checked: changes.reduce((sum, { revisions }) => sum + revisions.length, 0),
      found: missing.length,
      read: written + failures.length,
      written,
      failures
    }
  })
