import { type Options, settings } from "./settings.js"

/** The function is ES5, so that every query server runs it. */
export const validation = (role: string, options: Options = {}): string =>
  `function (newDoc, oldDoc, userCtx) {
  var record = newDoc[${JSON.stringify(settings(options).field)}];
  var kind = record && record.kind;
  var creates = !oldDoc || oldDoc._deleted;
  var addsVersions = record && record.also && record.also.length > 0 && !creates;
  if (kind !== "merge" && kind !== "burial" && !addsVersions) return;
  if (userCtx.roles.indexOf("_admin") !== -1 || userCtx.roles.indexOf(${JSON.stringify(role)}) !== -1) return;
  if (oldDoc && JSON.stringify(oldDoc[${JSON.stringify(settings(options).field)}]) === JSON.stringify(record)) return;
  throw({ forbidden: "only the role " + ${
    JSON.stringify(JSON.stringify(role))
  } + " may write merges and tombstones of merged versions" });
}`
