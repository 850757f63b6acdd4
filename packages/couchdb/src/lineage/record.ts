import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import { canonical, hashOf } from "../data/json/canonical.js"
import * as Revision from "../data/Revision.js"
import type { Settings } from "../document/recorder.js"
import type { Content, Field, JournalEntry, Link, MergedInto, MergeTombstone, Record, RevisionKind } from "./model.js"

const version = 1

type Maybe = Json.Json | undefined

const member = (json: Maybe, key: string): Maybe => Json.isObject(json) ? Json.get(json, key) : undefined

/** A body without the field, as schemas and merges see it. */
export const withoutField = (raw: Json.JsonObject, field: string): Json.JsonObject =>
  Json.has(raw, field) ? Json.fromEntries(Json.entries(raw).filter(([key]) => key !== field)) : raw

/** A body without the paths that journals and tombstones must not contain. */
export const redacted = (body: Json.JsonObject, paths: ReadonlyArray<ReadonlyArray<string>>): Json.JsonObject =>
  paths.reduce((left, path) => withoutPath(left, path), body)

const withoutPath = (body: Json.JsonObject, [key, ...rest]: ReadonlyArray<string>): Json.JsonObject => {
  if (key === undefined) return body
  const inner = Json.get(body, key)
  if (inner === undefined) return body
  return Json.fromEntries(
    Json.entries(body).flatMap(([name, value]) =>
      name !== key
        ? [[name, value] as const]
        : rest.length > 0 && Json.isObject(inner)
        ? [[name, withoutPath(inner, rest)] as const]
        : rest.length > 0
        ? [[name, value] as const]
        : []
    )
  )
}

/**
 * The content hash of a record. It covers name, type and length of each attachment, which are known before the server
 * stores it.
 */
export const hashContent = ({ body, files }: Content, redact: Record["redact"]): string =>
  hashOf(canonical(Json.fromEntries([
    ["body", redacted(body, redact)],
    [
      "files",
      Json.fromEntries(
        Json.entries(files).map(([name, stub]) => [
          name,
          [member(stub, "content_type") ?? null, member(stub, "length") ?? null]
        ])
      )
    ]
  ])))

const shortKinds: { readonly [K in RevisionKind]: string } = { edit: "e", merge: "m", delete: "d", foreign: "f" }
const kinds = new Map(Object.entries(shortKinds).map(([kind, short]) => [short, kind as RevisionKind]))

/** An edit of the next name is encoded as its revision alone. */
const encodeNames = (names: ReadonlyArray<Link>): Json.Json =>
  names.map(({ also, kind, parent, rev }, i) =>
    kind === "edit" && also.length === 0 && parent !== null && parent === names[i + 1]?.rev
      ? rev
      : [rev, shortKinds[kind], parent === names[i + 1]?.rev && parent !== null ? 0 : parent, ...also]
  )

const decodeNames = (json: Maybe): ReadonlyArray<Link> | undefined => {
  if (!Json.isArray(json)) return undefined
  const names: Array<Link> = []
  for (let i = json.length - 1; i >= 0; i--) {
    const [rev, short, parent, ...also] = Json.isArray(json[i])
      ? json[i] as ReadonlyArray<Json.Json>
      : [json[i], "e", 0]
    const kind = kinds.get(typeof short === "string" ? short : "")
    const from = parent === 0 ? names[0]?.rev : parent
    if (
      !Revision.isRevision(rev) || kind === undefined || !isParent(from, rev) || !also.every(Revision.isRevision)
    ) return undefined
    names.unshift({ rev, kind, parent: from, also: also as ReadonlyArray<Revision.Revision> })
  }
  return names
}

const encodeEntry = ({ back, files, link, sum }: JournalEntry): Json.Json =>
  Json.fromEntries([
    ["also", link.also],
    ["back", back],
    ...(Json.keys(files).length === 0 ? [] : [["files", files] as const]),
    ["kind", link.kind],
    ["parent", link.parent],
    ["rev", link.rev],
    ["sum", sum]
  ])

/** Whether a parent is exactly one generation older. Any other parent could form a cycle. */
const isParent = (parent: Maybe, rev: Revision.Revision): parent is Revision.Revision | null =>
  parent === null || (Revision.isRevision(parent) && Revision.generation(parent) + 1 === Revision.generation(rev))

const isKind = (json: Maybe): json is RevisionKind => typeof json === "string" && Object.hasOwn(shortKinds, json)

const decodeLink = (json: Maybe): Link | undefined => {
  const rev = member(json, "rev")
  const parent = member(json, "parent")
  const kind = member(json, "kind")
  const also = member(json, "also")
  return Revision.isRevision(rev) && isParent(parent, rev) && isKind(kind) &&
      Json.isArray(also) && also.every(Revision.isRevision)
    ? { rev, parent, kind, also: also as ReadonlyArray<Revision.Revision> }
    : undefined
}

const decodeEntry = (json: Json.Json): JournalEntry | undefined => {
  const link = decodeLink(json)
  const sum = member(json, "sum")
  const back = member(json, "back")
  const files = member(json, "files") ?? {}
  return link !== undefined && typeof sum === "string" && back !== undefined && Json.isObject(files)
    ? { link, sum, back, files }
    : undefined
}

const allDefined = <A>(found: ReadonlyArray<A | undefined>): ReadonlyArray<A> | undefined =>
  found.every((each) => each !== undefined) ? found : undefined

/** Encodes a record for the field, its members in canonical order. */
export const encodeRecord = (record: Record): Json.JsonObject =>
  Json.fromEntries([
    ["also", record.also],
    ...(record.content === undefined ? [] : [["doc", record.content] as const]),
    ...(record.edit === undefined ? [] : [["edit", record.edit] as const]),
    ["k", record.depth],
    ["kind", record.kind],
    ["names", encodeNames(record.names)],
    ["parent", record.parent],
    ["path", record.path.map(encodeEntry)],
    ...(record.redact.length === 0 ? [] : [["redact", record.redact] as const]),
    ["sum", record.sum],
    ["v", version]
  ])

const isStrings = (json: Json.Json): json is ReadonlyArray<string> =>
  Json.isArray(json) && json.every((each) => typeof each === "string")

const decodeRecord = (json: Json.JsonObject): Record | undefined => {
  const kind = member(json, "kind")
  const parent = member(json, "parent")
  const also = member(json, "also")
  const sum = member(json, "sum")
  const k = member(json, "k")
  const edit = member(json, "edit")
  const content = member(json, "doc")
  const redact = member(json, "redact") ?? []
  const names = decodeNames(member(json, "names"))
  const path = member(json, "path") ?? []
  const entries = Json.isArray(path) ? allDefined(path.map(decodeEntry)) : undefined
  return (kind === "edit" || kind === "merge" || kind === "delete") &&
      (parent === null || Revision.isRevision(parent)) && Json.isArray(also) && also.every(Revision.isRevision) &&
      typeof sum === "string" && typeof k === "number" && (edit === undefined || typeof edit === "string") &&
      (content === undefined || Json.isObject(content)) && Json.isArray(redact) && redact.every(isStrings) &&
      names !== undefined && entries !== undefined
    ? {
      kind,
      parent,
      also: also as ReadonlyArray<Revision.Revision>,
      sum,
      depth: k,
      edit,
      content,
      redact: redact as ReadonlyArray<ReadonlyArray<string>>,
      names,
      path: entries
    }
    : undefined
}

const encodeMergedInto = ({ also, kind, parent, rev }: MergedInto): Json.JsonObject => ({ also, kind, parent, rev })

/** Encodes the tombstone of a merged version for the field, its members in canonical order. */
export const encodeTombstone = ({ content, field, into, of, ofParent }: MergeTombstone): Json.JsonObject =>
  Json.fromEntries([
    ...(content === undefined ? [] : [["doc", content] as const]),
    ...(field === undefined ? [] : [["field", field] as const]),
    ["into", encodeMergedInto(into)],
    ["kind", "burial"],
    ["of", of],
    ["ofParent", ofParent],
    ["v", version]
  ])

const decodeTombstone = (json: Json.JsonObject): MergeTombstone | undefined => {
  const of = member(json, "of")
  const ofParent = member(json, "ofParent")
  const into = decodeLink(member(json, "into"))
  const content = member(json, "doc")
  return Revision.isRevision(of) && (ofParent === null || Revision.isRevision(ofParent)) && into !== undefined &&
      (content === undefined || Json.isObject(content))
    ? { of, ofParent, into, content, field: member(json, "field") }
    : undefined
}

/** Decodes a field, without verifying anything. */
export const decodeField = (json: Maybe): Field => {
  if (!Json.isObject(json)) return { _tag: "None" }
  const v = Json.get(json, "v")
  if (typeof v === "number" && v > version) {
    return { _tag: "Newer", parent: Option.liftPredicate(Revision.isRevision)(member(json, "parent")) }
  }
  if (v !== version) return { _tag: "None" }
  if (Json.get(json, "kind") === "burial") {
    const tombstone = decodeTombstone(json)
    return tombstone === undefined ? { _tag: "None" } : { _tag: "MergeTombstone", tombstone }
  }
  const record = decodeRecord(json)
  return record === undefined ? { _tag: "None" } : { _tag: "Record", record }
}

/** The members that a tombstone keeps, so that replication filters on them select the tombstone too. */
export const retainedMembers = (
  settings: Settings,
  body: Json.JsonObject
): ReadonlyArray<readonly [string, Json.Json]> =>
  Json.entries(body).filter(([key]) => settings.tombstone.keep.includes(key))
