import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Bound } from "../../Collection.js"
import type { CouchHttp } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import * as Lineage from "../../Lineage.js"
import type { Revision } from "../../Revision.js"
import type { SiblingPolicy } from "../../SiblingPolicy.js"
import type { Version } from "../bulk/versions.js"
import type { WireError } from "../bulk/wireError.js"
import type { Burial } from "../siblings/burial.js"
import type { Files } from "../siblings/files.js"
import type { Failed, Folded, Unmerged } from "../siblings/fold.js"
import { type MergedVersion, stubsOf } from "../siblings/merged.js"
import { unmergedDeferral, unreadable } from "../siblings/outcome.js"
import { documentAt, leavesOf, type Plan } from "../siblings/plan.js"
import { stagesOf } from "../siblings/policy.js"
import { hashOf } from "./canonical.js"
import { evaluate, guess, type Unreadable } from "./evaluate.js"
import { known, lineageVersion } from "./leaves.js"
import { sealed } from "./mac.js"
import { kept, redacted, withoutField } from "./record.js"
import { holds } from "./rules.js"
import { slimField } from "./slim.js"
import { ofDocument } from "./warnings.js"

type Merging = Extract<Lineage.Plan, { readonly _tag: "Merge" | "Unknown" }>

/** Decides by lineage what is to be done about the leaves of one document, and reads what else it takes to know. */
export const planByLineage = <A, R, E, R2>(
  collection: Bound<A, R>,
  settings: Lineage.Settings,
  id: string,
  versions: ReadonlyArray<Version>,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Plan<A, R>, Failed<E> | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const leaves = versions.map(lineageVersion)
    yield* ofDocument(collection.database, id, leaves.length)
    const planOf = (knowledge: Lineage.Knowledge) => Lineage.plan(knowledge, leaves, policy.rules.deleted)
    const knowledge = yield* known(
      collection.database,
      id,
      settings,
      leaves,
      leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]),
      (knowledge) => {
        const plan = planOf(knowledge)
        return plan._tag === "Unknown" ? [plan.rev] : []
      }
    )
    const plan = planOf(knowledge)
    const defer = (
      deferral: Parameters<typeof unmergedDeferral>[0] | Unreadable
    ): Effect.Effect<Plan<A, R>, never, R> =>
      Effect.map(leavesOf(collection, versions), (versions) => ({
        _tag: "Defer",
        deferral: deferral._tag === "Unreadable" ? unreadable(deferral.error) : unmergedDeferral(deferral),
        versions
      }))
    const writing = make(collection, settings, id, versions, knowledge)
    switch (plan._tag) {
      case "Nothing":
        return { _tag: "Nothing" }
      case "Bury":
        return yield* writing.bury(plan)
      case "Unknown":
      case "Merge": {
        const asks = plan._tag === "Merge" || policy.rules.missingBase === "merge" ||
          stagesOf(policy).some(({ guesses }) => guesses)
        const unmerged: Unmerged | undefined = plan._tag === "Unknown"
          ? { _tag: "Unknown", why: plan.why, clashes: [] }
          : undefined
        if (unmerged !== undefined && !asks) return yield* defer(unmerged)
        const context = { collection, id, knowledge, policy, holder: writing.holder }
        const folded = yield* Effect.either(
          plan._tag === "Merge"
            ? evaluate(context, plan.value)
            : guess(context, [plan.parent, ...plan.also], plan.why)
        )
        if (Either.isRight(folded)) return writing.merge(plan, folded.right)
        if (folded.left._tag === "Failed") return yield* Effect.fail(folded.left)
        // What is dead anyway need not say one thing.
        if (plan._tag === "Merge" && !plan.alive && folded.left._tag === "Overlap") {
          return writing.merge(plan, undefined)
        }
        return yield* defer(folded.left)
      }
    }
  })

const make = <A, R>(
  collection: Bound<A, R>,
  settings: Lineage.Settings,
  id: string,
  versions: ReadonlyArray<Version>,
  knowledge: Lineage.Knowledge
) => {
  const byRev = new Map(versions.map((version) => [version.raw.rev, version]))
  // Of several burials of one version one that still has the body is the one to ask.
  const holders: ReadonlyMap<Revision, Revision> = new Map(
    Array.from(knowledge.burials)
      .sort(([, self], [, that]) => Number(self.content !== undefined) - Number(that.content !== undefined))
      .map(([tombstone, { of }]) => [of, tombstone] as const)
  )
  const holder = (rev: Revision): Revision => byRev.has(rev) ? rev : holders.get(rev) ?? rev

  /** A revision and its ancestors, also where only its burial is left. */
  const pathOf = (rev: Revision): ReadonlyArray<Revision> => {
    const path: ReadonlyArray<Revision> = byRev.get(holder(rev))?.path ?? []
    const at = path.indexOf(rev)
    return at === -1 ? [rev] : path.slice(at)
  }

  const burialOf = ({ into, of }: Lineage.PlannedBurial): ReadonlyArray<Burial> => {
    const version = byRev.get(of)
    if (version === undefined) return []
    const { raw } = version
    const keeps = settings.keep === "bodies" && holds(settings, "trust")
    return [{
      of: version,
      stubs: keeps ? raw.stubs : Option.none(),
      body: Json.fromEntries([
        ...kept(settings, raw.raw),
        [
          settings.field,
          sealed(
            settings,
            id,
            Lineage.encodeBurial({
              of,
              ofParent: version.path[1] ?? null,
              into,
              content: keeps ? redacted(withoutField(raw.raw, settings.field), settings.redact) : undefined,
              field: keeps
                ? Json.get(raw.raw, settings.field)
                : slimField(knowledge, id, of, Json.get(raw.raw, settings.field))
            })
          )
        ] as const
      ])
    }]
  }

  const bury = (
    { burials, head }: Extract<Lineage.Plan, { readonly _tag: "Bury" }>
  ): Effect.Effect<Plan<A, R>, never, R> => {
    const version = byRev.get(head)
    return Effect.map(
      version === undefined ? Effect.succeed([]) : leavesOf(collection, [version]),
      ([leaf]): Plan<A, R> => ({
        _tag: "Write",
        document: leaf?._tag === "Live" ? Option.some(leaf.document) : Option.none(),
        merge: Option.none(),
        burials: burials.flatMap(burialOf),
        heads: [head],
        merged: [],
        withoutBase: []
      })
    )
  }

  const merge = (plan: Merging, folded: Folded<A, R> | undefined): Plan<A, R> => {
    const { also, parent } = plan
    const heads = [parent, ...also]
    const deleted = plan._tag === "Merge" && !plan.alive
    const files: Files = folded?.files ?? new Map()
    const stubs = stubsOf(files)
    const content = { body: folded?.raw ?? {}, files: stubs }
    const kind = plan._tag === "Merge" ? "merge" : "edit"
    const record = Lineage.recordOf(knowledge, {
      kind,
      parent,
      also,
      content: deleted && folded === undefined ? { body: {}, files: {} } : content,
      deleted,
      // Who decides the same on another replica has decided the same.
      edit: kind === "edit" ? hashOf(Json.stringify([[...heads].sort(), content.body])) : undefined
    })
    const own = folded === undefined ? { ...record, content: undefined } : record
    const body = Json.fromEntries([
      ...(deleted ? kept(settings, content.body) : Json.entries(content.body)),
      [settings.field, sealed(settings, id, Lineage.encodeRecord(own))] as const
    ])
    const keepsFiles = !deleted || settings.keep === "bodies"
    const rev = Lineage.mergeRevision(
      holds(settings, "chosenRevision")
        ? { parent, heads, deleted, body, files: keepsFiles ? stubs : {} }
        : { parent, heads, deleted, body: {}, files: {} }
    )
    const into: Lineage.Into = { rev, parent, kind, also: record.also }
    const merged: MergedVersion = {
      id,
      path: [rev, ...pathOf(parent)],
      raw: body,
      files: keepsFiles ? files : new Map(),
      winner: parent,
      deleted
    }
    const standing = (rev: Revision): boolean => byRev.get(rev)?.raw.deleted === false
    const losers = also.filter(standing)
    return {
      _tag: "Write",
      document: folded === undefined || deleted
        ? Option.none()
        : Option.some(
          documentAt(
            collection,
            id,
            rev,
            { ...folded, raw: body },
            files.size === 0 ? Option.none() : Option.some(stubs)
          )
        ),
      merge: Option.some(merged),
      burials: [
        ...(plan._tag === "Merge" ? plan.burials : []),
        ...losers.map((of) => ({ of, into }))
      ].flatMap(burialOf),
      heads: heads.filter((rev) => byRev.has(rev)),
      merged: losers,
      withoutBase: folded?.withoutBase ?? []
    }
  }

  return { holder, bury, merge }
}
