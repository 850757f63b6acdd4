import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { decode, encode } from "../document/codec.js"
import type { Bound } from "../document/Collection.js"
import type { EncodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import { partially } from "../merge/make.js"
import type { Merge } from "../merge/Merge.js"
import { absent, type Place, placeOf, value as valueBase } from "../merge/node.js"
import { filesOf, mergeFiles } from "../siblings/files.js"
import { bodyOf, type Failed, type Folded, type Head, pair, standIn, type Unmerged } from "../siblings/fold.js"
import { mergeJson } from "../siblings/jsonMerge.js"
import { mergeOf } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { Unreadable } from "../siblings/unresolved.js"
import type { Knowledge, Value } from "./model.js"
import { holds } from "./rules.js"

/** A merged base: at its holes nobody knows what it says. */
interface Partial<A, R> extends Head<A, R> {
  readonly holes: ReadonlySet<Place>
}

interface Context<A, R, E, R2> {
  readonly collection: Bound<A, R>
  readonly id: string
  readonly knowledge: Knowledge
  readonly policy: SiblingPolicy<A, E, R2>
  /** The version that has the bytes of a revision's files. */
  readonly holder: (rev: Revision) => Revision
}

/** The origin of two sides: a base, nothing in common (`undefined`), or something that is not known here. */
export type Origin =
  | { readonly _tag: "Known"; readonly base: Value | undefined }
  | { readonly _tag: "Unknown"; readonly why: string }

export interface Evaluator<A, R, E, R2> {
  /** The content of one head. */
  readonly head: (rev: Revision) => Effect.Effect<Folded<A, R>, Unmerged | Unreadable, R>
  /** Merges one more head into what was merged so far, by the policy. */
  readonly join: (
    mine: Folded<A, R>,
    theirs: Revision,
    origin: Origin
  ) => Effect.Effect<Folded<A, R>, Unmerged | Unreadable | Failed<E>, R | R2>
}

/** Works out what heads are together: the policy merges heads, and a plain merge what only serves as a base. */
export const evaluator = <A, R, E, R2>(context: Context<A, R, E, R2>): Evaluator<A, R, E, R2> => {
  const { collection, holder, id, knowledge, policy } = context
  const merge = Option.getOrUndefined(mergeOf(policy))
  // What journals and burials leave out is not known of any base.
  const redacted: ReadonlySet<Place> = new Set(
    holds(knowledge.settings, "privacy")
      ? [knowledge.settings.redact, ...Array.from(knowledge.records.values(), ({ redact }) => redact)].flat().map(
        placeOf
      )
      : []
  )
  const read = new Map<Revision, Either.Either<Head<A, R>, Unreadable | Unmerged>>()
  const bases = new Map<Value, Partial<A, R>>()

  const headOf = (rev: Revision): Effect.Effect<Head<A, R>, Unreadable | Unmerged, R> => {
    const known = read.get(rev)
    if (known !== undefined) return known
    const content = knowledge.contents.get(rev)
    if (content === undefined) {
      return Effect.fail({ _tag: "Unknown", why: `what ${rev} said is not on this server any more`, clashes: [] })
    }
    const stubs = Json.keys(content.files).length === 0 ? Option.none() : Option.some(content.files)
    return Effect.either(decode(collection, {
      id,
      rev,
      deleted: false,
      stubs,
      raw: content.body,
      plain: Json.toPlain(content.body),
      special: () => undefined
    })).pipe(
      Effect.map((base) =>
        Either.mapBoth(base, {
          onLeft: (error) => new Unreadable(error),
          onRight: (base): Head<A, R> => ({
            document: value.clean(collection, id, "quorum", base),
            raw: content.body,
            files: filesOf(holder(rev), stubs)
          })
        })
      ),
      Effect.tap((head) => {
        read.set(rev, head)
      }),
      Effect.flatten
    )
  }

  /** A base of bases: where they clash it has a hole, and that is all. */
  const baseOf = (part: Value): Effect.Effect<Partial<A, R>, Unreadable | Unmerged | EncodeError, R> => {
    const known = bases.get(part)
    if (known !== undefined) return Effect.succeed(known)
    const made: Effect.Effect<Partial<A, R>, Unreadable | Unmerged | EncodeError, R> = part._tag === "Content"
      ? Effect.map(headOf(part.rev), (head) => ({ ...head, holes: redacted }))
      : Effect.gen(function*() {
        const below = part.base === undefined ? undefined : yield* baseOf(part.base)
        const mine = yield* baseOf(part.mine)
        const theirs = yield* baseOf(part.theirs)
        return yield* joined(merge, below, mine, theirs)
      })
    return Effect.tap(made, (base) => {
      bases.set(part, base)
    })
  }

  const joined = (
    merge: Merge<A> | undefined,
    below: Partial<A, R> | undefined,
    mine: Partial<A, R>,
    theirs: Partial<A, R>
  ): Effect.Effect<Partial<A, R>, EncodeError, R> =>
    Effect.gen(function*() {
      // A policy that merges nothing asks for no base either.
      if (merge === undefined) return { ...mine, holes: new Set([placeOf([])]) }
      const unclear = new Set([...mine.holes, ...theirs.holes, ...(below?.holes ?? [])])
      const body = partially(merge, {
        base: below === undefined ? absent : valueBase(bodyOf(below)),
        mine: bodyOf(mine),
        theirs: bodyOf(theirs)
      }, unclear)
      const over = (head: Head<A, R>) => encode(value.modify(head.document, () => body.value))
      const json = mergeJson(
        {
          base: Option.some(below === undefined ? {} : yield* over(below)),
          mine: yield* over(mine),
          theirs: yield* over(theirs),
          known: yield* encode(value.unsaved(collection, id, body.value))
        },
        undefined,
        unclear
      )
      const files = mergeFiles(
        Option.some(below?.files ?? new Map()),
        mine.files,
        theirs.files,
        policy.rules.attachments,
        undefined,
        unclear
      )
      return {
        document: standIn(context, mine.document, body.value, json.value),
        raw: json.value,
        files: files.files,
        holes: new Set([
          // What is not known of one side is not known of both together.
          ...mine.holes,
          ...theirs.holes,
          ...body.holes,
          ...[...json.clashes, ...files.clashes].map(({ path }) => placeOf(path)),
          ...[...json.withoutBase, ...files.withoutBase].map(placeOf)
        ])
      }
    })

  const head = (rev: Revision): Effect.Effect<Folded<A, R>, Unmerged | Unreadable, R> =>
    Effect.map(headOf(rev), (head) => ({ ...head, withoutBase: [] }))

  const join = (
    mine: Folded<A, R>,
    theirs: Revision,
    origin: Origin
  ): Effect.Effect<Folded<A, R>, Unmerged | Unreadable | Failed<E>, R | R2> =>
    Effect.gen(function*() {
      const other = yield* head(theirs)
      if (origin._tag === "Unknown") {
        const lossy = policy.rules.missingBase === "merge"
        return yield* pair<A, R, E, R2>(context, policy, mine, other, {
          head: Option.none(),
          absent: false,
          unknown: lossy ? undefined : origin.why,
          holes: new Set(),
          guesses: lossy
        })
      }
      const { base } = origin
      const found = base === undefined ? Option.none() : yield* Effect.option(baseOf(base))
      return yield* pair<A, R, E, R2>(context, policy, mine, other, {
        head: found,
        absent: base === undefined,
        unknown: base !== undefined && Option.isNone(found)
          ? "what both sides come from is not what the schema says"
          : undefined,
        holes: Option.match(found, { onNone: () => new Set(), onSome: ({ holes }) => holes }),
        guesses: false
      })
    })

  return { head, join }
}
