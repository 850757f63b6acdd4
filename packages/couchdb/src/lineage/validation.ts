import { type Options, settings } from "./settings.js"

/** ES5: whatever engine the server has. */
export const validation = (role: string, options: Options = {}): string =>
  `function (newDoc, oldDoc, userCtx) {
  var record = newDoc[${JSON.stringify(settings(options).field)}];
  var kind = record && record.kind;
  var gone = !oldDoc || oldDoc._deleted;
  var takesIn = record && record.also && record.also.length > 0 && !gone;
  if (kind !== "merge" && kind !== "burial" && !takesIn) return;
  if (userCtx.roles.indexOf("_admin") !== -1 || userCtx.roles.indexOf(${JSON.stringify(role)}) !== -1) return;
  if (oldDoc && JSON.stringify(oldDoc[${JSON.stringify(settings(options).field)}]) === JSON.stringify(record)) return;
  throw({ forbidden: "only the role " + ${JSON.stringify(JSON.stringify(role))} + " writes merges and burials" });
}`
