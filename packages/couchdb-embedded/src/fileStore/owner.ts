import * as Fs from "node:fs"
import * as Os from "node:os"

/** What identifies a process, also among containers and machines. What is unknown is empty. */
export interface Owner {
  readonly host: string
  readonly pid: number
  /** When it started, in ticks of its kernel, since numbers of processes are used again. */
  readonly started: string
  /** The kernel that it runs on, from one start of the machine to the next. Containers share it. */
  readonly boot: string
  /** The machine, whatever its host name is. Containers rarely know it. */
  readonly machine: string
  /** The namespace in which its number means something. */
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

/** The state of a process and when it started, on Linux. */
const statOf = (pid: number): { readonly state: string; readonly started: string } => {
  const stat = read(`/proc/${pid}/stat`)
  // The name of the program is in parentheses, and may contain anything.
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

/** Whether a process is this one. */
export const isSelf = (owner: Owner): boolean => {
  const own = self()
  return owner.host === own.host && owner.pid === own.pid && owner.started === own.started &&
    owner.boot === own.boot && owner.namespace === own.namespace
}

/**
 * Where another process runs, seen from this one:
 *
 * - `Here`: on the same kernel, maybe in another container
 * - `Before`: on this machine, before it was started again, so that it is gone
 * - `Elsewhere`: on another machine, as far as can be known
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
    // It exists, and belongs to somebody else.
    return typeof error === "object" && error !== null && "code" in error && error.code === "EPERM"
  }
}

/**
 * Whether a process of this kernel runs, by its number; `undefined` if it is in another namespace, whose numbers mean
 * nothing here. A process that has ended counts as gone, even if its parent has not waited for it yet.
 */
export const runs = (owner: Owner, own: Owner): boolean | undefined => {
  if (differ(owner.namespace, own.namespace)) return undefined
  if (!exists(owner.pid)) return false
  const { started, state } = statOf(owner.pid)
  return state !== "Z" && state !== "X" && !differ(owner.started, started)
}
