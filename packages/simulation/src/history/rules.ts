import * as Effect from "effect/Effect"
import { type Experiment, noTrouble, stepsOf } from "../world/steps.js"
import { history, type Outcome } from "./history.js"
import { bytesOfMergeTombstones, largestResponse, redactionError } from "./measurements.js"

/** What goes wrong without a rule, in an otherwise identical history. */
export interface Row {
  readonly rule: number
  readonly name: string
  /** `undefined` for a measurement without a random history. */
  readonly seed: number | undefined
  readonly options: string
  /** What is counted. */
  readonly figure: string
  readonly with: number
  readonly without: number
}

/** Whether the figure is smaller with the rule than without it. */
export const isHarmful = ({ with: held, without }: Row): boolean => held < without

interface Case {
  readonly rule: number
  readonly name: string
  readonly figure: string
  readonly seed: number
  readonly options: Partial<Experiment>
  readonly of: (outcome: Outcome) => number
}

const lost = (outcome: Outcome): number => outcome.lost.length
const doubled = (outcome: Outcome): number => outcome.doubled.length
const deferred = (outcome: Outcome): number => outcome.deferred.length

const cases: ReadonlyArray<Case> = [
  {
    rule: 1,
    name: "every edit is itself",
    figure: "wrong leaves",
    seed: 2,
    options: { equal: true },
    of: ({ wrong }) => wrong.length
  },
  {
    rule: 2,
    name: "the field proves that it is this revision's",
    figure: "leaves with doubled edits",
    seed: 4,
    options: { foreign: "keep" },
    of: doubled
  },
  {
    rule: 3,
    name: "journal and names",
    figure: "replicas that need manual review",
    seed: 1,
    options: {},
    of: deferred
  },
  { rule: 4, name: "the merge record", figure: "leaves with doubled edits", seed: 1, options: {}, of: doubled },
  {
    rule: 5,
    name: "a burial hides nothing by itself",
    figure: "silently buried edits",
    seed: 11,
    options: { refusals: true },
    of: ({ silent }) => silent.length
  },
  {
    rule: 6,
    name: "known, unknown, overlap",
    figure: "leaves with doubled edits",
    seed: 2,
    options: { foreign: "keep" },
    of: doubled
  },
  {
    rule: 7,
    name: "containment counts edits",
    figure: "rounds until replicas rest (12: never)",
    seed: 1,
    options: { policies: true, depths: true },
    of: ({ rounds }) => rounds
  },
  {
    rule: 8,
    name: "the base of a criss-cross",
    figure: "leaves with doubled edits",
    seed: 1,
    options: {},
    of: doubled
  },
  {
    rule: 9,
    name: "the revision of a merge is chosen",
    figure: "two contents under one revision",
    seed: 1,
    options: { policies: true, depths: true },
    of: ({ twoContents }) => twoContents
  },
  {
    rule: 10,
    name: "two writes",
    figure: "edits out of sight after a refused merge",
    seed: 1,
    options: { unwelcome: true },
    of: ({ unseen }) => unseen
  },
  {
    rule: 11,
    name: "a deletion is an edit of alive",
    figure: "lost edits",
    seed: 3,
    options: { deletions: true },
    of: lost
  },
  {
    rule: 12,
    name: "re-creation names every deletion",
    figure: "leaves with doubled edits",
    seed: 45,
    options: { deletions: true },
    of: doubled
  },
  {
    rule: 13,
    name: "take in what is still there",
    figure: "replicas that need manual review",
    seed: 3,
    options: { foreign: "drop" },
    of: deferred
  },
  {
    rule: 16,
    name: "disagreement is unknown",
    figure: "lost edits",
    seed: 2,
    options: { forged: "disputed" },
    of: lost
  },
  {
    rule: 17,
    name: "trust: who has no key is not believed",
    figure: "lost edits",
    seed: 2,
    options: { forgeries: true },
    of: lost
  },
  {
    rule: 17,
    name: "trust: a burial keeps the body",
    figure: "edits that cannot be brought back",
    seed: 2,
    options: { forged: "unheard" },
    of: ({ gone }) => gone.length
  }
]

const replicas = 5
const steps = 50

/** The outcome of a history with or without a rule. */
const outcomeOf = ({ options, rule, seed }: Case, holds: boolean): Effect.Effect<Outcome> => {
  const experiment: Experiment = { ...noTrouble, ...options, ...(!holds && { without: new Set([rule]) }) }
  return history(seed, replicas, stepsOf(seed, steps, replicas, experiment), experiment)
}

const rowOf = (each: Case): Effect.Effect<Row> =>
  Effect.gen(function*() {
    const held = yield* outcomeOf(each, true)
    const fallen = yield* outcomeOf(each, false)
    return {
      rule: each.rule,
      name: each.name,
      seed: each.seed,
      options: Object.entries(each.options).map(([name, value]) => value === true ? name : `${name} ${value}`).join(
        ", "
      ),
      figure: each.figure,
      with: each.of(held),
      without: each.of(fallen)
    }
  })

interface Measured {
  readonly rule: number
  readonly name: string
  readonly options: string
  readonly figure: string
  readonly measure: (holds: boolean) => Effect.Effect<number>
}

/** Rules that save resources, or that histories of one card do not exercise. */
const measured: ReadonlyArray<Measured> = [
  {
    rule: 14,
    name: "read little",
    options: "70 burials",
    figure: "bytes of the biggest answer to a resolver",
    measure: largestResponse
  },
  {
    rule: 15,
    name: "garbage",
    options: "40 burials, slimmed or not",
    figure: "bytes of the burials",
    measure: bytesOfMergeTombstones
  },
  {
    rule: 18,
    name: "privacy: what is redacted is of no base",
    options: "a redacted counter at 10, edits of +2 and +5",
    figure: "how far the merged counter is off",
    measure: redactionError
  }
]

const rowOfMeasured = ({ measure, ...row }: Measured): Effect.Effect<Row> =>
  Effect.map(
    Effect.all([measure(true), measure(false)]),
    ([held, fallen]) => ({ ...row, seed: undefined, with: held, without: fallen })
  )

/** The effect of each row by rule. It is computed again on every run. */
export const rowsByRule: ReadonlyArray<readonly [rule: number, name: string, row: Effect.Effect<Row>]> = [
  ...cases.map((each) => [each.rule, each.name, rowOf(each)] as const),
  ...measured.map((each) => [each.rule, each.name, rowOfMeasured(each)] as const)
].sort(([a], [b]) => a - b)

/** A row for each rule. */
export const ruleTable: Effect.Effect<ReadonlyArray<Row>> = Effect.forEach(rowsByRule, ([, , row]) => row)

/** Prints the table. */
export const showRules = (rows: ReadonlyArray<Row>): string => {
  const cells = [
    ["rule", "", "seed", "options", "figure", "with", "without"],
    ...rows.map((row) => [
      String(row.rule),
      row.name,
      row.seed === undefined ? "-" : String(row.seed),
      row.options === "" ? "plain" : row.options,
      row.figure,
      String(row.with),
      String(row.without)
    ])
  ]
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  return cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd()).join("\n")
}
