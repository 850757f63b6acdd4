import type { Case } from "../case.js"
import { rowsByHand } from "./byHand.js"

const path = (count: number, query: string): string => `/n${count}/_changes${query}`

const line = "{\"seq\""

/** A follower, which never ends by itself, up to so many changes. */
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

/** The same with documents, which a schema decodes, by hand too. */
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

/** The changes there are, in one answer. */
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
