import { check, type Findings } from "../history/check.js"
import { noTrouble } from "../world/steps.js"
import type { RaceDocument } from "./contest.js"
import { agree, contentsOf, type Copy } from "./copies.js"

/** The number of documents with each error. */
export interface Errors {
  /** A revision has different contents on two nodes. */
  readonly twoContents: number
  /** Resolvers sent different contents under one revision. */
  readonly sentTwo: number
  /** The nodes did not converge to the same leaves. */
  readonly unlike: number
  readonly inConflict: number
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
  readonly silent: number
  readonly deferred: number
}

export interface Figures extends Errors {
  readonly documents: number
  readonly nodes: number
  /** The rounds until both resolvers found nothing to do. */
  readonly rounds: number
  readonly resolutions: number
  readonly edits: number
  /** Writes that were accepted without a quorum. */
  readonly accepted: number
  /** Replayed writes of resolvers. */
  readonly repeated: number
  /** Revisions with checked content. */
  readonly revisions: number
}

const errorsOf = (figures: Errors): ReadonlyArray<readonly [name: string, count: number]> => [
  ["two contents", figures.twoContents],
  ["sent as two", figures.sentTwo],
  ["nodes unlike", figures.unlike],
  ["in conflict", figures.inConflict],
  ["lost edits", figures.lost],
  ["doubled edits", figures.doubled],
  ["wrong leaves", figures.wrong],
  ["silent burials", figures.silent],
  ["deferred", figures.deferred]
]

export const failed = (figures: Errors): boolean => errorsOf(figures).some(([, count]) => count > 0)

export const line = (figures: Figures): string =>
  [
    ["documents", figures.documents] as const,
    ["nodes", figures.nodes] as const,
    ["rounds", figures.rounds] as const,
    ["resolutions", figures.resolutions] as const,
    ["edits", figures.edits] as const,
    ["accepted only", figures.accepted] as const,
    ["sent again", figures.repeated] as const,
    ["revisions", figures.revisions] as const,
    ...errorsOf(figures)
  ].map(([name, count]) => `${name} ${count}`).join(" · ")

/** The check of a document against its real history. */
export interface CheckResult extends Errors {
  readonly edits: number
  readonly accepted: number
  readonly revisions: number
  /** The errors as text. */
  readonly found: Partial<Findings & { readonly two: ReadonlyArray<string>; readonly sent: ReadonlyArray<string> }>
}

const toCount = (wrong: boolean): number => wrong ? 1 : 0

export const checkDocument = (
  { accepted, edits, sent, truth }: RaceDocument,
  copies: ReadonlyArray<Copy>,
  deferred: ReadonlyArray<string>
): CheckResult => {
  const there = new Set(copies.flatMap(({ leaves }) => leaves.flatMap(({ path }) => path)))
  // A rejected edit counts if its revision exists.
  const counting = edits.filter(({ rev, stored }) => stored || there.has(rev))
  for (const { name, weight } of counting) truth.weigh(name, weight)
  const found = check(truth, copies.map(({ leaves }) => leaves), deferred, noTrouble)
  const contents = contentsOf(copies)
  const errors = { ...found, two: contents.two(), sent: sent.two() }
  return {
    edits: counting.length,
    accepted: accepted.length,
    revisions: contents.count(),
    twoContents: toCount(errors.two.length > 0),
    sentTwo: toCount(errors.sent.length > 0),
    unlike: toCount(!agree(copies)),
    inConflict: toCount(copies.some(({ leaves }) => leaves.filter(({ deleted }) => !deleted).length !== 1)),
    lost: toCount(found.lost.length > 0),
    doubled: toCount(found.doubled.length > 0),
    wrong: toCount(found.wrong.length > 0),
    silent: toCount(found.silent.length > 0),
    deferred: toCount(deferred.length > 0),
    found: Object.fromEntries(Object.entries(errors).filter(([, all]) => all.length > 0))
  }
}

/** The totals of all documents. */
export const sum = (all: ReadonlyArray<CheckResult>): Omit<CheckResult, "found"> => {
  const of = (figure: Exclude<keyof CheckResult, "found">): number => all.reduce((sum, each) => sum + each[figure], 0)
  return {
    edits: of("edits"),
    accepted: of("accepted"),
    revisions: of("revisions"),
    twoContents: of("twoContents"),
    sentTwo: of("sentTwo"),
    unlike: of("unlike"),
    inConflict: of("inConflict"),
    lost: of("lost"),
    doubled: of("doubled"),
    wrong: of("wrong"),
    silent: of("silent"),
    deferred: of("deferred")
  }
}
