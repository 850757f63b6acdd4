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
import { mergeJson } from "../siblings/jsonMerge.js"
import {
  bodyOf,
  type Head,
  mergePair,
  type PairBase,
  partialDocument,
  type PartialMerge,
  type PolicyFailure,
  type Unmerged
} from "../siblings/pairMerge.js"
import { mergeOf } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { Unreadable } from "../siblings/unresolved.js"
import type { Content, LineageIndex, Value } from "./model.js"
import { isEnabled } from "./rules.js"

/** A merged base. Its content is unknown at its holes. */
interface PartialBase<A, R> extends Head<A, R> {
  readonly holes: ReadonlySet<Place>
}

interface Context<A, R, E, R2> {
  readonly collection: Bound<A, R>
  readonly id: string
  readonly index: LineageIndex
  readonly policy: SiblingPolicy<A, E, R2>
  /** The version that stores the attachments of a revision. */
  readonly attachmentSource: (rev: Revision) => Revision
}

/** The origin of two sides: a base, nothing in common (`undefined`), or unknown. */
export type Origin =
  | { readonly _tag: "Known"; readonly base: Value | undefined }
  | { readonly _tag: "Unknown"; readonly why: string }

type BaseEffect<A, R> = Effect.Effect<PartialBase<A, R>, Unreadable | Unmerged | EncodeError, R>

/** Journals and tombstones of merged versions omit redacted paths, so every base has holes there. */
const redactedPlaces = ({ records, settings }: LineageIndex): ReadonlySet<Place> =>
  new Set(
    isEnabled(settings, "privacy")
      ? [settings.redact, ...Array.from(records.values(), ({ redact }) => redact)].flat().map(placeOf)
      : []
  )

/**
 * Computes merged contents: the policy merges heads, and its `Merge` alone merges contents that only serve as a base.
 */
export class Evaluator<A, R, E, R2> {
  private readonly merge: Merge<A> | undefined
  private readonly redacted: ReadonlySet<Place>
  private readonly heads = new Map<Revision, Either.Either<Head<A, R>, Unreadable | Unmerged>>()
  private readonly bases = new Map<Value, PartialBase<A, R>>()

  constructor(private readonly context: Context<A, R, E, R2>) {
    this.merge = Option.getOrUndefined(mergeOf(context.policy))
    this.redacted = redactedPlaces(context.index)
  }

  /** The content of one head. */
  head(rev: Revision): Effect.Effect<PartialMerge<A, R>, Unmerged | Unreadable, R> {
    return Effect.map(this.readHead(rev), (head) => ({ ...head, withoutBase: [] }))
  }

  /** Merges one more head by the policy. */
  join(
    mine: PartialMerge<A, R>,
    theirs: Revision,
    origin: Origin
  ): Effect.Effect<PartialMerge<A, R>, Unmerged | Unreadable | PolicyFailure<E>, R | R2> {
    return Effect.flatMap(
      this.head(theirs),
      (other) => Effect.flatMap(this.pairBase(origin), (base) => this.pair(mine, other, base))
    )
  }

  private pair(mine: PartialMerge<A, R>, theirs: Head<A, R>, base: PairBase<A, R>) {
    return mergePair<A, R, E, R2>(this.context, this.context.policy, mine, theirs, base)
  }

  private pairBase(origin: Origin): Effect.Effect<PairBase<A, R>, never, R> {
    if (origin._tag === "Unknown") {
      const lossy = this.context.policy.rules.missingBase === "merge"
      return Effect.succeed({
        head: Option.none(),
        absent: false,
        unknown: lossy ? undefined : origin.why,
        holes: new Set(),
        allowsMissingBase: lossy
      })
    }
    const { base } = origin
    return Effect.map(
      base === undefined ? Effect.succeedNone : Effect.option(this.baseOf(base)),
      (found): PairBase<A, R> => ({
        head: found,
        absent: base === undefined,
        unknown: base !== undefined && Option.isNone(found)
          ? "the common ancestor does not match the schema"
          : undefined,
        holes: Option.match(found, { onNone: () => new Set(), onSome: ({ holes }) => holes }),
        allowsMissingBase: false
      })
    )
  }

  private readHead(rev: Revision): Effect.Effect<Head<A, R>, Unreadable | Unmerged, R> {
    const known = this.heads.get(rev)
    if (known !== undefined) return known
    const content = this.context.index.contents.get(rev)
    if (content === undefined) {
      return Effect.fail({ _tag: "Unknown", why: `the content of ${rev} is no longer on this server`, clashes: [] })
    }
    return Effect.flatMap(this.decodeHead(rev, content), (head) => {
      this.heads.set(rev, head)
      return head
    })
  }

  private decodeHead(
    rev: Revision,
    { body, files }: Content
  ): Effect.Effect<Either.Either<Head<A, R>, Unreadable>, never, R> {
    const { collection, attachmentSource, id } = this.context
    const stubs = Json.keys(files).length === 0 ? Option.none() : Option.some(files)
    return Effect.map(
      Effect.either(decode(collection, {
        id,
        rev,
        deleted: false,
        stubs,
        raw: body,
        plain: Json.toPlain(body),
        special: () => undefined
      })),
      Either.mapBoth({
        onLeft: (error) => new Unreadable(error),
        onRight: (base): Head<A, R> => ({
          document: value.clean(collection, id, "quorum", base),
          raw: body,
          files: filesOf(attachmentSource(rev), stubs)
        })
      })
    )
  }

  private baseOf(part: Value): BaseEffect<A, R> {
    const known = this.bases.get(part)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(this.computeBase(part), (base) => {
      this.bases.set(part, base)
    })
  }

  private computeBase(part: Value): BaseEffect<A, R> {
    if (part._tag === "Content") {
      return Effect.map(this.readHead(part.rev), (head) => ({ ...head, holes: this.redacted }))
    }
    return Effect.gen(this, function*() {
      const base = part.base === undefined ? undefined : yield* this.baseOf(part.base)
      const mine = yield* this.baseOf(part.mine)
      const theirs = yield* this.baseOf(part.theirs)
      // A policy without a merge does not use the base.
      return this.merge === undefined
        ? { ...mine, holes: new Set([placeOf([])]) }
        : yield* this.mergeBases(this.merge, base, mine, theirs)
    })
  }

  /** Merges two bases. The result has a hole at each clash. */
  private mergeBases(
    merge: Merge<A>,
    base: PartialBase<A, R> | undefined,
    mine: PartialBase<A, R>,
    theirs: PartialBase<A, R>
  ): Effect.Effect<PartialBase<A, R>, EncodeError, R> {
    const { context } = this
    return Effect.gen(function*() {
      const unknown = new Set([...mine.holes, ...theirs.holes, ...(base?.holes ?? [])])
      const body = partially(merge, {
        base: base === undefined ? absent : valueBase(bodyOf(base)),
        mine: bodyOf(mine),
        theirs: bodyOf(theirs)
      }, unknown)
      const encodeWith = (head: Head<A, R>) => encode(value.modify(head.document, () => body.value))
      const json = mergeJson(
        {
          base: Option.some(base === undefined ? {} : yield* encodeWith(base)),
          mine: yield* encodeWith(mine),
          theirs: yield* encodeWith(theirs),
          known: yield* encode(value.unsaved(context.collection, context.id, body.value))
        },
        undefined,
        unknown
      )
      const files = mergeFiles(
        Option.some(base?.files ?? new Map()),
        mine.files,
        theirs.files,
        context.policy.rules.attachments,
        undefined,
        unknown
      )
      return {
        document: partialDocument(context, mine.document, body.value, json.value),
        raw: json.value,
        files: files.files,
        holes: new Set([
          // A place that is unknown on one side is unknown in the merge.
          ...mine.holes,
          ...theirs.holes,
          ...body.holes,
          ...[...json.clashes, ...files.clashes].map(({ path }) => placeOf(path)),
          ...[...json.withoutBase, ...files.withoutBase].map(placeOf)
        ])
      }
    })
  }
}
