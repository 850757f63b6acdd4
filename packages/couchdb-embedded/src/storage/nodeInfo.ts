/** The one node of the cluster that every CouchDB is. */
export interface Node {
  readonly name: string
  /** When it started, in milliseconds since the epoch. */
  readonly started: number
  /** How many requests it got. */
  requests: number
  readonly methods: Map<string, number>
  readonly statusCodes: Map<number, number>
  /** What was configured by name; it is told again, and changes nothing but who may vouch for users. */
  readonly config: Map<string, Map<string, string>>
  /** Which shard answers next, of those that have more to tell. */
  readonly arrival: (open: ReadonlyArray<number>) => number
  /** How often a password is hashed. */
  readonly iterations: number
  /** Passwords that were right, so that they are hashed once; by name, salt and password. */
  readonly passwords: Map<string, string>
  /** How far the scheduler has read `_replicator`, in its present life. */
  readonly replicatorSeen: { instance: string; position: Array<number> }
}

export const make = (options: {
  readonly name: string
  readonly uuid: string
  readonly started: number
  readonly arrival: Node["arrival"]
  readonly iterations: number
}): Node => ({
  name: options.name,
  started: options.started,
  requests: 0,
  methods: new Map(),
  statusCodes: new Map(),
  config: new Map([
    ["couchdb", new Map([["max_document_size", "8000000"], ["uuid", options.uuid]])],
    ["cluster", new Map([["n", "1"]])]
  ]),
  arrival: options.arrival,
  iterations: options.iterations,
  passwords: new Map(),
  replicatorSeen: { instance: "", position: [] }
})

const add = <A>(counts: Map<A, number>, key: A): unknown => counts.set(key, (counts.get(key) ?? 0) + 1)

/** Counts a request, before it is answered. */
export const countRequest = (node: Node, method: string): void => {
  node.requests++
  add(node.methods, method)
}

/** Counts an answer. */
export const countAnswer = (node: Node, status: number): void => {
  add(node.statusCodes, status)
}
