import * as Fs from "node:fs"
import * as Os from "node:os"

/** Identifies a process across containers and machines. Unknown fields are empty. */
export interface Owner {
  readonly host: string
  readonly pid: number
  /** The start time in kernel ticks, because process ids are reused. */
  readonly started: string
  /** The boot id of the kernel, which containers share. */
  readonly boot: string
  /** The machine id, independent of the host name. Most containers have none. */
  readonly machine: string
  /** The namespace of the process id. */
  readonly namespace: string
}

const read = (path: string): string => {
  try {
    return Fs.readFileSync(path, "latin1").trim()
  } catch {
    return ""
  }
}

const namespace = (): string => {
  try {
    return Fs.readlinkSync("/proc/self/ns/pid")
  } catch {
    return ""
  }
}

/** The state and the start time of a process on Linux. */
const statOf = (pid: number): { readonly state: string; readonly started: string } => {
  const stat = read(`/proc/${pid}/stat`)
  // The program name is in parentheses, and may contain any character.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", started: fields[19] ?? "" }
}

/** This process. */
export const self = (): Owner => ({
  host: Os.hostname(),
  pid: process.pid,
  started: statOf(process.pid).started,
  boot: read("/proc/sys/kernel/random/boot_id"),
  machine: read("/etc/machine-id"),
  namespace: namespace()
})

/** Whether the owner is this process. */
export const isSelf = (owner: Owner): boolean => {
  const own = self()
  return owner.host === own.host && owner.pid === own.pid && owner.started === own.started &&
    owner.boot === own.boot && owner.namespace === own.namespace
}

/**
 * Where another process runs, relative to this one:
 *
 * - `Here`: on the same kernel, possibly in another container
 * - `Before`: on this machine before its last boot, so it has ended
 * - `Elsewhere`: on another machine, as far as can be observed
 */
export type Place = "Here" | "Before" | "Elsewhere"

const differ = (one: string, other: string): boolean => one !== "" && other !== "" && one !== other

export const placeOf = (owner: Owner, own: Owner): Place => {
  if (owner.boot !== "" && owner.boot === own.boot) return "Here"
  if (owner.host !== own.host || differ(owner.machine, own.machine)) return "Elsewhere"
  return differ(owner.boot, own.boot) ? "Before" : "Here"
}

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process exists, and belongs to another user.
    return typeof error === "object" && error !== null && "code" in error && error.code === "EPERM"
  }
}

/**
 * Whether a process of this kernel runs, by its id. `undefined` if it is in another namespace, whose ids have no
 * meaning here. A zombie counts as ended.
 */
export const isRunning = (owner: Owner, own: Owner): boolean | undefined => {
  if (differ(owner.namespace, own.namespace)) return undefined
  if (!exists(owner.pid)) return false
  const { started, state } = statOf(owner.pid)
  return state !== "Z" && state !== "X" && !differ(owner.started, started)
}
