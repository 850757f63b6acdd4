/** All cases, by their names in the table. */
import type { Case } from "./case.js"
import { changes, changesNormal, changesSchema } from "./cases/changes.js"
import { counter } from "./cases/counter.js"
import { fetchMany } from "./cases/fetchMany.js"
import { get } from "./cases/get.js"
import { getRaw } from "./cases/getRaw.js"
import { save } from "./cases/save.js"
import { saveMany } from "./cases/saveMany.js"
import { stream, streamSchema } from "./cases/stream.js"

export const cases: Readonly<Record<string, Case>> = {
  get,
  "get-raw": getRaw,
  save,
  "fetch-many": fetchMany,
  "save-many": saveMany,
  counter,
  stream,
  "stream-schema": streamSchema,
  changes,
  "changes-schema": changesSchema,
  "changes-normal": changesNormal
}
