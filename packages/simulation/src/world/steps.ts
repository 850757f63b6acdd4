import { makeRandom } from "./random.js"

/** What a history may contain besides edits, replication and resolution. */
export interface Trouble {
  /** A program without lineage also edits the document, and keeps or drops the lineage field. */
  readonly foreign: "none" | "keep" | "drop"
  readonly deletions: boolean
  readonly revsLimit: number | undefined
  /** One replica rejects merges of others, as a validation function may do. */
  readonly refusals: boolean
  /** One replica does not replicate tombstones. */
  readonly filtered: boolean
  /** Merge tombstones are purged. */
  readonly purge: boolean
  /** A replication may transfer some of the leaves only. */
  readonly lostLeaves: boolean
  /** Replicas keep journals of different depth. */
  readonly depths: boolean
  /** One replica writes records of a newer format. */
  readonly versions: boolean
  /** Replicas decide overlaps differently. */
  readonly policies: boolean
  /** Merge tombstones and deletions keep names only. */
  readonly names: boolean
  /** Records are signed, and a program without the key writes false merge records. */
  readonly forgeries: boolean
}

/** The options that only the table of rules uses. */
export interface Experiment extends Trouble {
  /** The disabled rules, by their number in the specification. */
  readonly without?: ReadonlySet<number>
  /** The same edit is made on two replicas. */
  readonly equal?: boolean
  /** A program writes false records, which other records contradict or do not. */
  readonly forged?: "disputed" | "unheard"
  /** The server of the first replica rejects the merges of its resolver. */
  readonly unwelcome?: boolean
}

export const noTrouble: Trouble = {
  foreign: "none",
  deletions: false,
  revsLimit: undefined,
  refusals: false,
  filtered: false,
  purge: false,
  lostLeaves: false,
  depths: false,
  versions: false,
  policies: false,
  names: false,
  forgeries: false
}

export type Kind =
  | "edit"
  | "replicate"
  | "resolve"
  | "slow"
  | "release"
  | "compact"
  | "foreign"
  | "delete"
  | "recreate"
  | "purge"
  | "equal"
  | "forge"

/** A step: its kind, its replicas, and random numbers. A step does the same wherever it is in a history. */
export interface Step {
  readonly kind: Kind
  readonly here: number
  readonly there: number
  readonly dice: ReadonlyArray<number>
  readonly name: string
}

const weights = (trouble: Experiment): ReadonlyArray<readonly [Kind, number]> => [
  ["edit", 34],
  ["replicate", 30],
  ["resolve", 20],
  ["slow", 6],
  ["release", 6],
  ["compact", 4],
  ["foreign", trouble.foreign === "none" ? 0 : 8],
  ["delete", trouble.deletions ? 5 : 0],
  ["recreate", trouble.deletions ? 5 : 0],
  ["purge", trouble.purge ? 4 : 0],
  ["equal", trouble.equal === true ? 8 : 0],
  ["forge", trouble.forged === undefined && !trouble.forgeries ? 0 : 4]
]

export const stepsOf = (seed: number, length: number, replicas: number, trouble: Experiment): ReadonlyArray<Step> => {
  const random = makeRandom(seed)
  const all = weights(trouble)
  const sum = all.reduce((sum, [, weight]) => sum + weight, 0)
  return Array.from({ length }, (_, i): Step => {
    let thrown = random(sum)
    const kind = all.find(([, weight]) => (thrown -= weight) < 0)?.[0] ?? "edit"
    return {
      kind,
      here: random(replicas),
      there: random(replicas),
      dice: Array.from({ length: 8 }, () => random(1_000)),
      name: `e${i + 1}`
    }
  })
}

export const printStep = ({ dice, here, kind, name, there }: Step): string => {
  switch (kind) {
    case "edit":
    case "foreign":
    case "recreate":
      return `${name}: ${kind} at ${here} (${dice.slice(0, 4).join(" ")})`
    case "equal":
      return `${name}: equal edits at ${here} and ${there} (${dice.slice(0, 4).join(" ")})`
    case "replicate":
      return `${name}: replicate ${here} to ${there}`
    default:
      return `${name}: ${kind} at ${here} (${dice[0]})`
  }
}
