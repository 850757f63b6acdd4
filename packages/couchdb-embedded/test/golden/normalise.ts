import type { Aspect } from "./transcript.js"

/** The first 26 digits of generated ids. The rest is a counter. */
export const uuidPrefix = "ba9eabaf25c7cb3c97833193cd"

/** Replaces the parts of a response that differ between runs, see the README. Ids are recognised by their prefix. */
export const normalise = (text: string, prefix?: string): string =>
  (prefix === undefined ? text : text.replaceAll(new RegExp(`${prefix}[0-9a-f]{6}`, "g"), "ID"))
    .replace(/^(\{"couchdb":.*"uuid":)"[0-9a-f]{32}"/, "$1\"UUID\"")
    .replace(/"\d+-[A-Za-z0-9_=-]{40,}"/g, "\"SEQ\"")
    .replace(/"(session_id|replication_id)":"[0-9a-f]{32}/g, "\"$1\":\"SESSION")
    .replace(/"instance_start_time":"\d+"/g, "\"instance_start_time\":\"T\"")
    .replace(/"(start_time|end_time)":"[^"]*"/g, "\"$1\":\"T\"")
    .replace(/(https?:\/\/[\w.]+):\d+/g, "$1:PORT")
    .replace(/AuthSession=[\w-]*/g, "AuthSession=COOKIE")
    .replace(/(--|boundary=")[0-9a-f]{32}/g, "$1BOUNDARY")

const aspects: Readonly<Record<Aspect, (text: string) => string>> = {
  sizes: (text) => text.replace(/"sizes":\{[^}]*\}/g, "\"sizes\":{}"),
  index: (text) =>
    text.replace(
      /("updates_pending":|"update_seq":|"signature":|"execution_time_ms":)(\{[^}]*\}|"\w+"|[\d.]+)/g,
      "$1\"\""
    ),
  bookmark: (text) => text.replace(/"bookmark": "[\w-]{20,}"/g, "\"bookmark\": \"\""),
  ref: (text) => text.replace(/"ref":\d+/g, "\"ref\":0"),
  order: (text) => JSON.stringify(Object.entries(JSON.parse(text)).sort(([a], [b]) => a < b ? -1 : 1))
}

/** Removes the parts that the list of differences names. */
export const without = (only: ReadonlyArray<Aspect>, text: string): string =>
  only.reduce((rest, aspect) => aspects[aspect](rest), text)
