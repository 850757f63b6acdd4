/**
 * Replicas that edit apart and meet again, thousands of times: random histories of a document with lineage on embedded
 * databases, each told from its seed alone, and what must hold at the end of every one.
 *
 * A history knows which edits each revision really contains, and never asks the library for it. Resolvers are slow and
 * die between their writes, databases are compacted, and edits go to losing versions as well as to winners.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { history, type Outcome as HistoryOutcome } from "./history/history.js"
import { isWrong, shrink as shrinkSteps } from "./history/shrink.js"
import { plain, show, stepsOf, type Trouble as StepTrouble } from "./world/steps.js"

/**
 * What a history may hold beyond edits, replication, compaction, slow resolvers and crashes. Everything is off unless it
 * is switched on.
 *
 * - `foreign`: a program that knows no lineage edits too, and keeps the field as it read it, or drops it
 * - `deletions`: documents are deleted, and made anew
 * - `revsLimit`: databases keep so many ancestors only
 * - `refusals`: one replica takes only some merges
 * - `filtered`: one replica passes no tombstones on
 * - `purge`: burials are purged
 * - `lostLeaves`: a replication carries some of the leaves only
 * - `depths`: replicas keep journals of different depth
 * - `versions`: one replica writes records of a newer format
 * - `policies`: replicas decide overlaps differently
 * - `names`: tombstones keep names, and no bodies
 * - `forgeries`: records are signed, and a program without the key writes merges that are none
 *
 * @since 0.1.0
 * @category model
 */
export type Trouble = StepTrouble

/**
 * - `replicas`: how many databases, 5 unless said otherwise
 * - `steps`: how long each history is, 50 unless said otherwise
 *
 * @since 0.1.0
 * @category model
 */
export interface Options extends Partial<Trouble> {
  readonly replicas?: number
  readonly steps?: number
}

/**
 * How one history ended. Everything but the deferred, the counts and the rounds must be empty.
 *
 * @since 0.1.0
 * @category model
 */
export interface Outcome extends HistoryOutcome {
  readonly seed: number
}

const troubleOf = (options: Options): Trouble => ({ ...plain, ...options })

const stepsFor = (seed: number, options: Options) =>
  stepsOf(seed, options.steps ?? 50, options.replicas ?? 5, troubleOf(options))

/**
 * One history. The same seed and options always tell the same one.
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
 * Histories of so many seeds, from one on. A `TestClock` keeps all that ever slept under it: for thousands of histories,
 * provide each `run` with a `TestContext` of its own instead.
 *
 * @since 0.1.0
 * @category running
 */
export const runAll = (from: number, histories: number, options: Options = {}): Stream.Stream<Outcome> =>
  Stream.range(from, from + histories - 1).pipe(Stream.mapEffect((seed) => run(seed, options)))

/**
 * Whether an outcome shows what must never be.
 *
 * @since 0.1.0
 * @category checking
 */
export const failed: (outcome: Outcome) => boolean = isWrong

/**
 * The steps of the shortest part of a failing history that fails too, a line each.
 *
 * @since 0.1.0
 * @category checking
 */
export const shrink = (seed: number, options: Options = {}): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    shrinkSteps(seed, options.replicas ?? 5, stepsFor(seed, options), troubleOf(options)),
    (steps) => steps.map(show)
  )

/**
 * What many outcomes come to.
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
 * No outcome yet.
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
 * Adds an outcome. Histories are counted in which something is wrong, not how often in each.
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
 * The report in one line.
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
