import * as Effect from "effect/Effect"
import type { Change } from "../changes/Changes.js"
import * as DatabaseName from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import * as Json from "../data/Json.js"
import { bulkWrite } from "../http/bulk/bulkDocs.js"
import type { WireError } from "../http/bulk/errors.js"
import { missingAt, on } from "./missing.js"
import type { Outcome } from "./outcome.js"
import { pass } from "./pass.js"
import type { Endpoint, Failure } from "./Replication.js"
import { lacking, readBare, readWhole, type Version } from "./version.js"

/** What became of a batch. */
export interface Transferred {
  readonly checked: number
  readonly found: number
  readonly read: number
  readonly written: number
  readonly failures: ReadonlyArray<Failure>
}

/** Attachments up to this number of bytes, also of one request together, are inline in the JSON of their documents. */
const light = { each: 64 * 1024, together: 2 * 1024 * 1024 }

const weight = (version: Version): number => lacking(version).reduce((sum, { length }) => sum + length, 0)

const groups = (versions: ReadonlyArray<Version>): ReadonlyArray<ReadonlyArray<Version>> => {
  const all: Array<Array<Version>> = []
  let size = Infinity
  for (const version of versions) {
    size += weight(version)
    const last = all[all.length - 1]
    if (last === undefined || size > light.together) {
      all.push([version])
      size = weight(version)
    } else last.push(version)
  }
  return all
}

const writeAll = (
  target: Endpoint,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Outcome>, WireError> =>
  Effect.map(
    on(
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

/** What goes as multipart. An id that no path can say goes within JSON, whatever its attachments are. */
const isApart = (version: Version): version is Version & { readonly id: DocumentId.DocumentId } =>
  (weight(version) > light.each || lacking(version).some(({ compressed }) => compressed)) &&
  DocumentId.isDocumentId(version.id)

const carry = (
  source: Endpoint,
  target: Endpoint,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Outcome>, WireError> =>
  Effect.gen(function*() {
    const bare = versions.filter((version) => lacking(version).length === 0)
    const small = versions.filter((version) => lacking(version).length > 0 && !isApart(version))
    return [
      ...(yield* writeAll(target, bare)),
      ...(yield* Effect.forEach(groups(small), (group) =>
        Effect.flatMap(readWhole(source, group), (whole) => writeAll(target, whole)))).flat(),
      ...(yield* Effect.forEach(versions.filter(isApart), (version) =>
        pass(source, target, version), {
        concurrency: 4
      }))
    ]
  })

/** Whether the target no longer has the attachments that it was thought to have, as where the ancestor was compacted. */
const lostStub = (outcome: Outcome): boolean =>
  outcome._tag === "Refused" && outcome.version.ancestor !== undefined &&
  (outcome.error._tag === "MissingStubError" || outcome.error._tag === "PreconditionFailedError")

/** Carries over what the target lacks of a batch of changes. All of it may be repeated. */
export const transfer = (
  source: Endpoint,
  target: Endpoint,
  changes: ReadonlyArray<Change<unknown>>
): Effect.Effect<Transferred, WireError> =>
  Effect.gen(function*() {
    const missing = yield* missingAt(target, changes)
    const versions = yield* readBare(source, missing)
    const first = yield* carry(source, target, versions)
    const again = first.filter(lostStub).map(({ version }) => ({ ...version, ancestor: undefined }))
    const outcomes = again.length === 0
      ? first
      : [...first.filter((outcome) => !lostStub(outcome)), ...(yield* carry(source, target, again))]
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
