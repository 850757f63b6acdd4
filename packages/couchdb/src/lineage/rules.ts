import type { Settings } from "../document/recorder.js"

/** The rules of lineage, with their numbers in the specification. */
export const rules = {
  editIds: 1,
  proof: 2,
  journal: 3,
  mergeRecord: 4,
  restoreOrphans: 5,
  unknown: 6,
  containment: 7,
  base: 8,
  chosenRevision: 9,
  mergesFirst: 10,
  alive: 11,
  recreation: 12,
  olderVersions: 13,
  cacheTombstones: 14,
  garbage: 15,
  disagreement: 16,
  trust: 17,
  privacy: 18
} as const

export type Rule = keyof typeof rules

/** The key under which simulations, in another package, disable rules to show that each one is necessary. */
const key: unique symbol = Symbol.for("effect-couchdb/lineage/without")

interface Without {
  readonly [key]?: ReadonlySet<number>
}

/** Disables rules in settings or options. */
export const withoutRules = <S extends object>(settings: S, without: ReadonlySet<number>): S =>
  without.size === 0 ? settings : { ...settings, [key]: without }

export const disabledRules = (settings: object): ReadonlySet<number> => (settings as Without)[key] ?? none

const none: ReadonlySet<number> = new Set()

export const isEnabled = (settings: Settings, rule: Rule): boolean => {
  const without = (settings as Without)[key]
  return without === undefined || !without.has(rules[rule])
}
