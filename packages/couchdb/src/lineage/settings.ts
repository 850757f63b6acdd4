import * as Redacted from "effect/Redacted"
import { TypeId } from "../document/recorder.js"
import type { Options, Settings } from "./Lineage.js"
import { recorder } from "./recording.js"
import { rulesWithout, withoutRules } from "./rules.js"

const atLeast = (name: string, least: number, value: number): number => {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`lineage.${name} is a whole number of at least ${least}, not ${value}`)
  }
  return value
}

export const settings = (options: Options = {}): Settings => {
  const field = options.field ?? "lineage"
  if (field === "" || field.startsWith("_")) {
    throw new RangeError(`lineage.field is a name that does not begin with an underscore, not ${JSON.stringify(field)}`)
  }
  const mac = options.mac ?? []
  if (mac.some((key) => Redacted.value(key) === "")) {
    throw new RangeError("lineage.mac has a key that is empty: a mac that everybody can make proves nothing")
  }
  return withoutRules({
    [TypeId]: recorder,
    field,
    depth: atLeast("depth", 1, options.depth ?? 16),
    names: atLeast("names", 0, options.names ?? 128),
    keep: options.keep ?? "bodies",
    redact: options.redact ?? [],
    tombstone: { keep: options.tombstone?.keep ?? [] },
    mac
  }, rulesWithout(options))
}
