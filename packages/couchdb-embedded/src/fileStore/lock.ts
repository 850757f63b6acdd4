/**
 * The lock of a data directory. Node has no API for file locks of the operating system.
 *
 * To lock a directory, a process creates a claim file with a unique name, and then reads the claims of all others. It
 * holds the lock if no other claim belongs to a running process. Of any two processes, the one with the later claim
 * sees the claim of the other, so there is never more than one holder, and any process may remove the claim of an ended
 * process at any time. Among processes that open the directory concurrently, the smallest name goes first.
 *
 * The socket of a process shows whether it runs, see `signal.ts`. On a file system without sockets, the process id
 * does.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Owners from "./owner.js"
import * as Signals from "./signal.js"

const Details = Schema.parseJson(Schema.Struct({
  host: Schema.String,
  pid: Schema.Int,
  started: Schema.String,
  boot: Schema.String,
  machine: Schema.String,
  namespace: Schema.String,
  /** Whether the process has a socket. */
  signal: Schema.Boolean,
  /** When the claim was made, in milliseconds since the epoch. */
  since: Schema.Int.pipe(Schema.between(0, 8_640_000_000_000_000))
}))

/** The claim of a process to a directory. */
export interface Claim {
  /** The name of the claim file. */
  readonly name: string
  /** Whether the process holds the directory, or still has to check other claims. */
  readonly state: "holding" | "opening"
  readonly details: typeof Details.Type
}

/** The claim of another process. `certain` says whether it is known to run. */
export interface LockHolder {
  readonly claim: Claim
  readonly place: Owners.Place
  readonly certain: boolean
}

/** The acquired lock, or the process that holds it. */
export type Acquired =
  | { readonly _tag: "Held"; readonly release: Effect.Effect<void> }
  | { readonly _tag: "Locked"; readonly holder: LockHolder }

const claimName = /^lock(?:\.[0-9a-f]{24})?$/

const socketOf = (name: string): string => `${name}.sock`

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined

const readIfThere = (path: string): string | undefined => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}

const removeFiles = (directory: string, ...names: ReadonlyArray<string>): void => {
  for (const name of names) Fs.rmSync(Path.join(directory, name), { force: true })
}

/** A claim without a socket, as lines: the host, the process id, the kernel and the start time. */
const parseLines = (name: string, [host = "", pid = "", startText = ""]: ReadonlyArray<string>): Claim | undefined => {
  if (!/^\d{1,15}$/.test(pid)) return undefined
  const [boot = "", started = ""] = startText.split("/")
  const owner = { host, pid: Number(pid), started, boot, machine: "", namespace: "" }
  return { name, state: "holding", details: { ...owner, signal: false, since: 0 } }
}

/** Parses a claim. `undefined` if it names no process. */
const parse = (name: string, text: string): Claim | undefined => {
  const [state = "", ...lines] = text.split("\n")
  const details = Option.getOrUndefined(Schema.decodeOption(Details)(lines[0] ?? ""))
  return details === undefined
    ? parseLines(name, [state, ...lines])
    : { name, state: state === "opening" ? state : "holding", details }
}

/** Whether the process of a claim runs. `undefined` if that cannot be observed. */
const running = (
  directory: string,
  { details, name }: Claim,
  place: Owners.Place,
  own: Owners.Owner
): Effect.Effect<boolean | undefined> => {
  if (place !== "Here") return Effect.succeed(place === "Before" ? false : undefined)
  if (!details.signal) return Effect.sync(() => Owners.isRunning(details, own))
  return Effect.map(Signals.probe(directory, socketOf(name)), (seen) => {
    switch (seen) {
      case "Alive":
        return true
      case "Gone":
        return false
      case "Missing":
        return Owners.isRunning(details, own)
      case "Unknown":
        return undefined
    }
  })
}

/** The claims of other processes. Claims of ended processes are removed. */
const otherClaims = (
  directory: string,
  own: Owners.Owner,
  except: string | undefined
): Effect.Effect<ReadonlyArray<LockHolder>, unknown> =>
  Effect.gen(function*() {
    const found: Array<LockHolder> = []
    for (const name of yield* Effect.try({ try: () => Fs.readdirSync(directory), catch: (error) => error })) {
      if (name === except || !claimName.test(name)) continue
      const text = yield* Effect.try({
        try: () => readIfThere(Path.join(directory, name)),
        catch: (error) => error
      })
      if (text === undefined) continue
      const claim = parse(name, text)
      const place = claim === undefined ? "Before" : Owners.placeOf(claim.details, own)
      const runs = claim === undefined ? false : yield* running(directory, claim, place, own)
      if (claim === undefined || runs === false) {
        yield* Effect.try({ try: () => removeFiles(directory, name, socketOf(name)), catch: (error) => error })
      } else found.push({ claim, place, certain: runs === true })
    }
    return found
  })

/** The rival that holds the directory, as far as can be observed. */
const holderOf = (found: ReadonlyArray<LockHolder>): LockHolder | undefined =>
  found.find(({ certain, claim }) => !certain || claim.state === "holding")

/** The published claim of this process. */
interface OwnClaim {
  readonly name: string
  /** Marks the claim as the holder. */
  readonly hold: Effect.Effect<void, unknown>
  readonly withdraw: Effect.Effect<void>
}

const claim = (
  directory: string,
  own: Owners.Owner,
  give: typeof Signals.createSocket
): Effect.Effect<OwnClaim, unknown> =>
  Effect.gen(function*() {
    const name = `lock.${randomBytes(12).toString("hex")}`
    const path = Path.join(directory, name)
    const attempt = (work: () => void): Effect.Effect<void, unknown> =>
      Effect.try({ try: work, catch: (error) => error })
    const write = (signal: boolean): Effect.Effect<void, unknown> =>
      attempt(() => {
        const details: typeof Details.Type = { ...own, signal, since: Date.now() }
        Fs.writeFileSync(`${path}.new`, `opening\n${JSON.stringify(details)}\n`, { mode: 0o600 })
      })
    // A plain file first, so that a directory without write permission fails with a clear error.
    yield* write(false)
    const signal = yield* Effect.option(give(directory, socketOf(name)))
    const withdraw = Effect.zipRight(
      Effect.ignore(attempt(() => removeFiles(directory, name, `${name}.new`))),
      Option.match(signal, { onNone: () => Effect.void, onSome: ({ close }) => close })
    )
    // The rename makes the file appear atomically.
    yield* Effect.onError(
      Effect.zipRight(
        Option.isSome(signal) ? write(true) : Effect.void,
        attempt(() => Fs.renameSync(`${path}.new`, path))
      ),
      () => withdraw
    )
    const hold = attempt(() => {
      // The name must not change: a process that lists the directory may miss a renamed file.
      const fd = Fs.openSync(path, "r+")
      try {
        Fs.writeSync(fd, "holding", 0)
      } finally {
        Fs.closeSync(fd)
      }
    })
    return { name, hold, withdraw }
  })

/** Removes files of processes that ended while making a claim. */
const sweep = (directory: string, own: OwnClaim): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const names = yield* Effect.try({ try: () => Fs.readdirSync(directory), catch: (error) => error })
    const known = new Set(names)
    for (const name of names) {
      const unclaimed = /^(lock\.[0-9a-f]{24})\.sock$/.exec(name)?.[1]
      if (unclaimed !== undefined) {
        if (unclaimed === own.name || known.has(unclaimed)) continue
        if ((yield* Signals.probe(directory, name)) === "Gone") removeFiles(directory, name)
      } else if (/^lock\.[0-9a-f]{24}(\.sock)?\.new$/.test(name)) {
        const changed = Fs.statSync(Path.join(directory, name), { throwIfNoEntry: false })?.mtimeMs
        if (changed !== undefined && Date.now() - changed > 60_000) removeFiles(directory, name)
      }
    }
  })

// Sockets and files run in real time, whatever the `Clock` is.
const sleep = (millis: number): Effect.Effect<void> =>
  Effect.async((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })

/** How long another process may take to open the directory, in milliseconds. */
const openingTimeoutMillis = 10_000

/** Acquires the lock of a directory. Fails with the error of the file system. */
export const acquire = (
  directory: string,
  give: typeof Signals.createSocket = Signals.createSocket
): Effect.Effect<Acquired, unknown> =>
  Effect.gen(function*() {
    const own = Owners.self()
    const deadline = performance.now() + openingTimeoutMillis
    const locked = (holder: LockHolder): Acquired => ({ _tag: "Locked", holder })
    for (;;) {
      const before = yield* otherClaims(directory, own, undefined)
      const holder = holderOf(before) ?? (performance.now() > deadline ? before[0] : undefined)
      if (holder !== undefined) return locked(holder)
      if (before.length > 0) {
        yield* sleep(10)
        continue
      }
      const mine = yield* claim(directory, own, give)
      const taken = yield* Effect.onError(awaitTurn(directory, own, mine, deadline), () => mine.withdraw)
      if (taken === "Held") {
        yield* Effect.ignore(sweep(directory, mine))
        return { _tag: "Held", release: mine.withdraw }
      }
      yield* mine.withdraw
      if (taken !== "Yield") return locked(taken)
    }
  })

/** Waits until this claim holds the directory, or another one does or takes precedence. */
const awaitTurn = (
  directory: string,
  own: Owners.Owner,
  mine: OwnClaim,
  deadline: number
): Effect.Effect<"Held" | "Yield" | LockHolder, unknown> =>
  Effect.gen(function*() {
    for (;;) {
      const others = yield* otherClaims(directory, own, mine.name)
      if (others.length === 0) {
        yield* mine.hold
        return "Held"
      }
      const holder = holderOf(others)
      if (holder !== undefined) return holder
      if (others.some(({ claim }) => claim.name < mine.name) || performance.now() > deadline) return "Yield"
      yield* sleep(5)
    }
  })
