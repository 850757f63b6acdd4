import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { structural } from "../data/equivalence.js"
import type * as Json from "../data/Json.js"
import { make as baseOf } from "../document/base.js"
import { encode } from "../document/codec.js"
import type { Bound } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { EncodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import type { Clash } from "../merge/Merge.js"
import { absent as nothingThere, type Place, unknown as unknownBase, value as valueBase } from "../merge/node.js"
import { type Files, mergeFiles } from "./files.js"
import type { Common } from "./history.js"
import { mergeJson, type Preference } from "./jsonMerge.js"
import { type Answer, known, stagesOf } from "./policy.js"
import type { Question, Rules, SiblingPolicy } from "./SiblingPolicy.js"

/** A version that was decoded, or what versions were merged to so far. */
export interface Head<A, R> {
  readonly document: Document<A, R>
  readonly raw: Json.JsonObject
  readonly files: Files
}

/** The body of a version, without edits in place by a custom merge or by a policy. */
export const bodyOf = <A, R>({ document }: Head<A, R>): A => value.discard(document).body

/** All heads in one. */
export interface Folded<A, R> extends Head<A, R> {
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/** Why heads do not become one. */
export interface Unmerged {
  readonly _tag: "Overlap" | "Unknown"
  readonly why: string
  readonly clashes: ReadonlyArray<Clash>
}

/** The base of a pair; `head` is the common ancestor if its body is known. */
export const baseBy = <A, R>(
  common: Common,
  head: Option.Option<Head<A, R>>,
  { missingBase }: Rules
): PairBase<A, R> => {
  const missing = common._tag === "Unclear"
    ? common.why
    : common._tag === "One" && Option.isNone(head)
    ? `the common ancestor ${common.revision} is not on this server any more`
    : undefined
  return {
    head,
    absent: false,
    unknown: missingBase === "merge" ? undefined : missing,
    holes: new Set(),
    guesses: true
  }
}

/** A failure of the policy's own, apart from what is no failure. */
export class Failed<E> {
  readonly _tag = "Failed"
  constructor(readonly error: E) {}
}

/** What a pair comes from. */
export interface PairBase<A, R> {
  readonly head: Option.Option<Head<A, R>>
  /** Without a head: whether the sides are known to have nothing in common. */
  readonly absent: boolean
  /** Why the base is not known, where it is not. */
  readonly unknown: string | undefined
  /** Places at which it is not known. */
  readonly holes: ReadonlySet<Place>
  /** Whether a merge may do without the base where it can. */
  readonly guesses: boolean
}

export interface Pairing<A, R> {
  readonly collection: Bound<A, R>
  readonly id: string
}

/** Two versions as one, as the policy says; on the left, why that cannot be. */
export const pair = <A, R, E, R2>(
  context: Pairing<A, R>,
  policy: SiblingPolicy<A, E, R2>,
  mine: Folded<A, R>,
  theirs: Head<A, R>,
  { absent, guesses, head: base, holes, unknown }: PairBase<A, R>
): Effect.Effect<Folded<A, R>, Unmerged | Failed<E>, R | R2> => {
  const question = (clashes: ReadonlyArray<Clash>): Question<A> => ({
    _tag: unknown === undefined ? "Overlap" : "Unknown",
    database: context.collection.database,
    id: context.id,
    base: Option.map(base, bodyOf),
    mine: bodyOf(mine),
    theirs: bodyOf(theirs),
    clashes,
    ...known({
      base: Option.match(base, {
        onNone: () => absent ? nothingThere : unknownBase,
        onSome: (head) => valueBase(bodyOf(head))
      }),
      holes
    })
  })

  const unmerged = (clashes: ReadonlyArray<Clash>): Unmerged =>
    unknown === undefined
      ? { _tag: "Overlap", why: "both sides changed it", clashes }
      : { _tag: "Unknown", why: unknown, clashes }

  /** What an answer makes of the pair, or the clashes that it leaves. */
  const apply = (answer: Answer<A>): Effect.Effect<Folded<A, R>, ReadonlyArray<Clash>, R> => {
    switch (answer._tag) {
      case "Overlap":
        return Effect.fail(answer.clashes)
      case "Side": {
        const chosen = answer.side === "mine" ? mine : theirs
        const { files } = mergeFiles(
          filesOfBase,
          mine.files,
          theirs.files,
          policy.rules.attachments,
          answer.side,
          holes
        )
        return Effect.succeed({
          ...chosen,
          document: value.discard(chosen.document),
          files,
          withoutBase: mine.withoutBase
        })
      }
      case "Merged":
        return whole(answer.body, undefined, answer.withoutBase)
      case "Decided":
        return whole(answer.body, structural(answer.body, bodyOf(theirs)) ? "theirs" : "mine", [])
    }
  }

  const filesOfBase = Option.match(base, {
    onNone: () => absent ? Option.some<Files>(new Map()) : Option.none(),
    onSome: ({ files }) => Option.some(files)
  })

  const whole = (
    body: A,
    prefer: Preference,
    guessed: ReadonlyArray<ReadonlyArray<PropertyKey>>
  ): Effect.Effect<Folded<A, R>, ReadonlyArray<Clash>, R> =>
    Effect.gen(function*() {
      const over = (head: Head<A, R>) => encode(value.modify(head.document, () => body))
      const json = mergeJson(
        {
          base: Option.isSome(base)
            ? Option.some(yield* over(base.value))
            : absent
            ? Option.some({})
            : Option.none(),
          mine: yield* over(mine),
          theirs: yield* over(theirs),
          known: yield* encode(value.unsaved(context.collection, context.id, body))
        },
        prefer,
        holes
      )
      const files = mergeFiles(filesOfBase, mine.files, theirs.files, policy.rules.attachments, prefer, holes)
      const clashes = [...json.clashes, ...files.clashes]
      const withoutBase = [...guessed, ...json.withoutBase, ...files.withoutBase]
      if (clashes.length > 0) return yield* Effect.fail(clashes)
      // Somebody who decides has seen both; a merge that guesses has not.
      if ((unknown !== undefined || !guesses) && prefer === undefined && withoutBase.length > 0) {
        return yield* Effect.fail(withoutBase.map(guess))
      }
      return {
        document: standIn(context, mine.document, body, json.value),
        raw: json.value,
        files: files.files,
        withoutBase: [...mine.withoutBase, ...withoutBase]
      }
    }).pipe(Effect.mapError((error) => "_tag" in error ? refused(error) : error))

  const stages = stagesOf(policy).filter((stage, i) => stage.guesses || unknown === undefined || (i === 0 && guesses))

  return Effect.reduce(
    stages,
    { clashes: [] as ReadonlyArray<Clash>, settled: Option.none<Folded<A, R>>() },
    (state, stage) =>
      Option.isSome(state.settled)
        ? Effect.succeed(state)
        : Effect.mapError(stage.answer(question(state.clashes)), (error) => new Failed(error)).pipe(
          Effect.flatMap((answer) =>
            Effect.match(apply(answer), {
              onFailure: (clashes) => ({ clashes, settled: state.settled }),
              onSuccess: (settled) => ({ clashes: state.clashes, settled: Option.some(settled) })
            })
          )
        )
  ).pipe(
    Effect.flatMap(({ clashes, settled }) =>
      Option.match(settled, { onNone: () => Effect.fail(unmerged(clashes)), onSome: Effect.succeed })
    )
  )
}

const guess = (path: ReadonlyArray<PropertyKey>): Clash => ({
  path,
  why: "one side has it, and whether the other removed it nobody here knows",
  base: Option.none(),
  mine: Option.none(),
  theirs: Option.none()
})

/** A merged body that the schema does not write is none. */
const refused = (error: EncodeError): ReadonlyArray<Clash> =>
  error.issues.map(({ expected, path }) => ({
    path,
    why: `the merged value is not valid: ${expected}`,
    base: Option.none(),
    mine: Option.none(),
    theirs: Option.none()
  }))

/** What was merged so far, as a document that the next version merges with. */
export const standIn = <A, R>(
  { collection, id }: Pairing<A, R>,
  like: Document<A, R>,
  body: A,
  raw: Json.JsonObject
): Document<A, R> =>
  Option.match(like.base, {
    onNone: () => value.unsaved(collection, id, body),
    onSome: ({ rev, stubs }) => value.clean(collection, id, "quorum", baseOf(collection, rev, body, { raw, stubs }))
  })
