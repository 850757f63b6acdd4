/** The only node of the cluster. */
export interface Node {
  readonly name: string
  /** When the node started, in milliseconds since the epoch. */
  readonly started: number
  /** The number of requests so far. */
  requests: number
  readonly methods: Map<string, number>
  readonly statusCodes: Map<number, number>
  /** The configuration. It affects authentication only. */
  readonly config: Map<string, Map<string, string>>
  /** Chooses the shard that answers next in a changes feed, of those that have more rows. */
  readonly arrival: (open: ReadonlyArray<number>) => number
  /** The number of hash iterations for passwords. */
  readonly iterations: number
  /** Hashes of verified passwords by user name, so that each password is derived once. */
  readonly passwords: Map<string, string>
  /** How far the scheduler has read `_replicator`, and of which instance of that database. */
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

/** Counts a request before it is answered. */
export const countRequest = (node: Node, method: string): void => {
  node.requests++
  add(node.methods, method)
}

/** Counts a response. */
export const countResponse = (node: Node, status: number): void => {
  add(node.statusCodes, status)
}
