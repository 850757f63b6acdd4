import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Clash } from "../merge/Merge.js"
import { type Place, placeOf } from "../merge/node.js"
import type { Preference } from "./jsonMerge.js"
import type { Rules } from "./SiblingPolicy.js"

/** An attachment of a merge: its stub, the leaf that stores the bytes, and its name in that leaf. */
export interface File {
  readonly stub: Json.JsonObject
  readonly leaf: Revision
  readonly nameInLeaf: string
}

/** The attachments of a version by name, in order. */
export type Files = ReadonlyMap<string, File>

export const filesOf = (leaf: Revision, stubs: Option.Option<Json.JsonObject>): Files =>
  new Map(
    Option.match(stubs, { onNone: () => [], onSome: Json.entries }).flatMap(([name, stub]) =>
      Json.isObject(stub) ? [[name, { stub, leaf, nameInLeaf: name }]] : []
    )
  )

export interface MergedFiles {
  readonly files: Files
  readonly clashes: ReadonlyArray<Clash>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/** The member of a document that contains its attachments. */
const attachments = "_attachments"

const member = (file: File, key: string): string => {
  const value = Json.get(file.stub, key)
  return typeof value === "string" ? value : ""
}

const sameFile = (self: File | undefined, that: File | undefined): boolean =>
  self === that ||
  (self !== undefined && that !== undefined && member(self, "digest") === member(that, "digest") &&
    member(self, "content_type") === member(that, "content_type"))

/**
 * Merges attachments by name and digest. An attachment that one side removed is removed if the other side did not
 * change it. Two attachments with the same name are handled by the rule.
 */
export const mergeFiles = (
  base: Option.Option<Files>,
  mine: Files,
  theirs: Files,
  rule: Rules["attachments"],
  prefer: Preference,
  holes: ReadonlySet<Place> = new Set()
): MergedFiles => {
  const clashes: Array<Clash> = []
  const withoutBase: Array<ReadonlyArray<PropertyKey>> = []
  const merged = new Map<string, File>()
  const renamed: Array<File & { readonly name: string }> = []

  const clash = (name: string, b: File | undefined, m: File, t: File): void => {
    const winning = prefer === "theirs" ? t : m
    if (rule === "fail" && prefer === undefined) {
      clashes.push({
        path: [attachments, name],
        why: "two attachments have the same name",
        base: digest(b),
        mine: digest(m),
        theirs: digest(t)
      })
    }
    merged.set(name, winning)
    if (rule === "rename") renamed.push({ ...(winning === m ? t : m), name })
  }

  const names = [...mine.keys(), ...Array.from(theirs.keys()).filter((name) => !mine.has(name)).sort()]
  for (const name of names) {
    const m = mine.get(name)
    const t = theirs.get(name)
    const known = Option.isSome(base) && !holes.has(placeOf([attachments, name]))
    if (m !== undefined && t !== undefined) {
      const b = known ? base.value.get(name) : undefined
      if (sameFile(m, t) || (b !== undefined && sameFile(b, t))) merged.set(name, m)
      else if (b !== undefined && sameFile(b, m)) merged.set(name, t)
      else clash(name, b, m, t)
      continue
    }
    const left = m ?? t
    if (left === undefined) continue
    if (!known) {
      withoutBase.push([attachments, name])
      merged.set(name, left)
    } else if (!sameFile(base.value.get(name), left)) merged.set(name, left)
  }
  for (const { name, ...file } of renamed) {
    const available = renamings(name, file).find((other) => !merged.has(other) || sameFile(merged.get(other), file))
    if (available !== undefined && !merged.has(available)) merged.set(available, file)
  }
  return { files: merged, clashes, withoutBase }
}

const digest = (file: File | undefined): Option.Option<unknown> =>
  Option.map(Option.fromNullable(file), (each) => member(each, "digest"))

/** Renames `photo.jpg` to `photo~1f3870be.jpg`, by its digest, so that the name is the same on every replica. */
const renamings = (name: string, file: File): ReadonlyArray<string> => {
  const text = member(file, "digest")
  const hash = Encoding.decodeBase64(text.slice(text.indexOf("-") + 1)).pipe(
    Either.map(Encoding.encodeHex),
    Either.getOrElse(() => Encoding.encodeHex(text))
  )
  const dot = name.lastIndexOf(".")
  const [stem, extension] = dot <= 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)]
  return [8, 16, hash.length].map((length) => `${stem}~${hash.slice(0, length)}${extension}`)
}
