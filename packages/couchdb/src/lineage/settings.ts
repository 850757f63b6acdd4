import * as Redacted from "effect/Redacted"
import { type Settings, TypeId } from "../document/recorder.js"
import { withPlanner } from "../siblings/lineagePlanner.js"
import { planner } from "./planner.js"
import { recorder } from "./recording.js"
import { disabledRules, withoutRules } from "./rules.js"

/**
 * The options of {@link settings}. All of them have a default.
 *
 * @since 0.1.0
 * @category model
 */
export type Options = Partial<Omit<Settings, TypeId>>

const atLeast = (name: string, minimum: number, value: number): number => {
  if (!Number.isInteger(value) || value < minimum) {
    throw new RangeError(`lineage.${name} must be a whole number of at least ${minimum}, not ${value}`)
  }
  return value
}

export const settings = (options: Options = {}): Settings => {
  const field = options.field ?? "lineage"
  if (field === "" || field.startsWith("_")) {
    throw new RangeError(
      `lineage.field must be a name that does not begin with an underscore, not ${JSON.stringify(field)}`
    )
  }
  const mac = options.mac ?? []
  if (mac.some((key) => Redacted.value(key) === "")) {
    throw new RangeError("lineage.mac must not contain an empty key, because anyone could compute its MAC")
  }
  const complete = {
    [TypeId]: recorder,
    field,
    depth: atLeast("depth", 1, options.depth ?? 16),
    names: atLeast("names", 0, options.names ?? 128),
    keep: options.keep ?? "bodies",
    redact: options.redact ?? [],
    tombstone: { keep: options.tombstone?.keep ?? [] },
    mac
  }
  return withoutRules(withPlanner(complete, planner), disabledRules(options))
}
