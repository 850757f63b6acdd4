/**
 * Random histories of one document with lineage, on several embedded databases that edit it and replicate. A seed
 * determines each history. Every history must end in a correct state.
 *
 * A history tracks which edits each revision really contains, independently of the library. Resolvers are slow and
 * crash between their writes, databases are compacted, and edits change losing leaves as well as winners.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { history, type Outcome as HistoryOutcome } from "./history/history.js"
import { isWrong, shrink as shrinkSteps } from "./history/shrink.js"
import { noTrouble, printStep, stepsOf, type Trouble as StepTrouble } from "./world/steps.js"

/**
 * What a history may contain besides edits, replication, compaction, slow resolvers and crashes. Everything is off by
 * default.
 *
 * - `foreign`: a program without lineage also edits the document, and keeps or drops the lineage field
 * - `deletions`: documents are deleted and created again
 * - `revsLimit`: the number of ancestors that databases keep
 * - `refusals`: one replica rejects some merges
 * - `filtered`: one replica does not replicate tombstones
 * - `purge`: burials, the tombstones of merged leaves, are purged
 * - `lostLeaves`: a replication transfers some of the leaves only
 * - `depths`: replicas keep journals of different depth
 * - `versions`: one replica writes records of a newer format
 * - `policies`: replicas decide overlaps differently
 * - `names`: tombstones keep names instead of bodies
 * - `forgeries`: records are signed, and a program without the key writes false merge records
 *
 * @since 0.1.0
 * @category model
 */
export type Trouble = StepTrouble

/**
 * - `replicas`: the number of databases, 5 by default
 * - `steps`: the length of each history, 50 by default
 *
 * @since 0.1.0
 * @category model
 */
export interface Options extends Partial<Trouble> {
  readonly replicas?: number
  readonly steps?: number
}

/**
 * The end of a history. It is correct if everything but `deferred`, the counts and the rounds is empty.
 *
 * @since 0.1.0
 * @category model
 */
export interface Outcome extends HistoryOutcome {
  readonly seed: number
}

const troubleOf = (options: Options): Trouble => ({ ...noTrouble, ...options })

const stepsFor = (seed: number, options: Options) =>
  stepsOf(seed, options.steps ?? 50, options.replicas ?? 5, troubleOf(options))

/**
 * Runs one history. The same seed and options give the same history.
 *
 * @example
 * import * as Simulation from "./Simulation.js"
 *
 * const outcome = Simulation.run(7, { replicas: 3, deletions: true })
 *
 * @since 0.1.0
 * @category running
 */
export const run = (seed: number, options: Options = {}): Effect.Effect<Outcome> =>
  Effect.map(
    history(seed, options.replicas ?? 5, stepsFor(seed, options), troubleOf(options)),
    (outcome) => ({ ...outcome, seed })
  )

/**
 * Runs histories with consecutive seeds. A `TestClock` keeps all fibers that ever slept, so provide each `run` with its
 * own `TestContext` for thousands of histories.
 *
 * @since 0.1.0
 * @category running
 */
export const runAll = (from: number, histories: number, options: Options = {}): Stream.Stream<Outcome> =>
  Stream.range(from, from + histories - 1).pipe(Stream.mapEffect((seed) => run(seed, options)))

/**
 * Whether an outcome violates an invariant.
 *
 * @since 0.1.0
 * @category checking
 */
export const failed: (outcome: Outcome) => boolean = isWrong

/**
 * The steps of a minimal part of a failing history that still fails, one per line.
 *
 * @since 0.1.0
 * @category checking
 */
export const shrink = (seed: number, options: Options = {}): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    shrinkSteps(seed, options.replicas ?? 5, stepsFor(seed, options), troubleOf(options)),
    (steps) => steps.map(printStep)
  )

/**
 * The totals of several outcomes.
 *
 * @since 0.1.0
 * @category model
 */
export interface Report {
  readonly histories: number
  readonly diverged: number
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
  readonly silent: number
  readonly twoContents: number
  readonly deferred: number
  readonly writes: number
  readonly resolutions: number
}

/**
 * The empty report.
 *
 * @since 0.1.0
 * @category reporting
 */
export const nothing: Report = {
  histories: 0,
  diverged: 0,
  lost: 0,
  doubled: 0,
  wrong: 0,
  silent: 0,
  twoContents: 0,
  deferred: 0,
  writes: 0,
  resolutions: 0
}

/**
 * Adds an outcome. The report counts the histories with an error, and not the errors in each.
 *
 * @since 0.1.0
 * @category reporting
 */
export const add = (report: Report, outcome: HistoryOutcome): Report => {
  const one = (found: ReadonlyArray<unknown>): number => Math.min(1, found.length)
  return {
    histories: report.histories + 1,
    diverged: report.diverged + one(outcome.diverged),
    lost: report.lost + one(outcome.lost),
    doubled: report.doubled + one(outcome.doubled),
    wrong: report.wrong + one(outcome.wrong),
    silent: report.silent + one(outcome.silent),
    twoContents: report.twoContents + outcome.twoContents,
    deferred: report.deferred + one(outcome.deferred),
    writes: report.writes + outcome.writes,
    resolutions: report.resolutions + outcome.resolutions
  }
}

/**
 * The report as one line.
 *
 * @since 0.1.0
 * @category reporting
 */
export const line = (report: Report): string =>
  [
    `histories ${report.histories}`,
    `diverged ${report.diverged}`,
    `lost edits ${report.lost}`,
    `doubled edits ${report.doubled}`,
    `wrong leaves ${report.wrong}`,
    `silent burials ${report.silent}`,
    `two contents ${report.twoContents}`,
    `deferred ${report.deferred}`,
    `writes per conflict ${(report.writes / Math.max(1, report.resolutions)).toFixed(2)}`
  ].join(" · ")
