import type { Case } from "../case.js"
import { rowsByHand } from "./byHand.js"

const path = (count: number, query: string): string => `/n${count}/_changes${query}`

const line = "{\"seq\""

/** A follower, stopped after `count` changes. */
export const changes: Case = {
  count: 500_000,
  firstRow: true,
  clients: {
    undici: async ({ count, url }) => (onFirst) =>
      rowsByHand(url, path(count, "?feed=continuous"), line, count, onFirst),
    "effect-couchdb": async ({ count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const followed = own.Stream.take(own.Changes.follow(`n${count}`), count)
      return (onFirst) => runtime.runPromise(own.counted(followed, count, onFirst))
    }
  }
}

/** The same with documents. Both clients decode them with a schema. */
export const changesSchema: Case = {
  count: 500_000,
  firstRow: true,
  clients: {
    undici: async ({ count, url }) => {
      const { decodeByHand: decode } = await import("../butterfly.js")
      return (onFirst) =>
        rowsByHand(url, path(count, "?feed=continuous&include_docs=true"), line, count, ({ doc }) => {
          decode(doc)
          onFirst()
        })
    },
    "effect-couchdb": async ({ count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const followed = own.Stream.take(own.Changes.follow(own.butterfliesIn(`n${count}`)), count)
      return (onFirst) => runtime.runPromise(own.counted(followed, count, onFirst))
    }
  }
}

/** The current changes, in one response. */
export const changesNormal: Case = {
  count: 500_000,
  firstRow: true,
  clients: {
    undici: async ({ count, url }) => (onFirst) => rowsByHand(url, path(count, ""), line, count, onFirst),
    "effect-couchdb": async ({ count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      return (onFirst) => runtime.runPromise(own.counted(own.Changes.stream(`n${count}`), count, onFirst))
    }
  }
}
