import type { Case } from "../case.js"
import { byNano, byUndici } from "./get.js"

/** Single fetches without a schema. */
export const getRaw: Case = {
  count: 20_000,
  clients: {
    undici: byUndici,
    nano: byNano,
    "effect-couchdb": async ({ concurrency, count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const anything = own.anythingIn("zoo")
      return () => runtime.runPromise(own.atOnce(concurrency, count, (i) => own.Document.fetch(anything, `b${i}`)))
    }
  }
}
