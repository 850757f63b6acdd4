import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** When a process began, where the system tells, so that another one that got the same number is not taken for it. */
const bornAt = (pid: number): string => {
  try {
    const stat = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    // The name of the program stands in parentheses, and may hold anything.
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
    return `${Fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}/${started}`
  } catch {
    return ""
  }
}

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and somebody else's.
    return codeOf(error) === "EPERM"
  }
}

export const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined

const readIfThere = (path: string): string | undefined => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}

/** The process that a lock names, if it still runs. */
const holder = (lock: string): number | undefined => {
  const [host = "", pid = "", born = ""] = lock.split("\n")
  if (!/^\d+$/.test(pid)) return undefined
  const number = Number(pid)
  // Nobody can look into another machine, so its lock counts until somebody takes it away.
  if (host !== Os.hostname()) return number
  return lives(number) && bornAt(number) === born ? number : undefined
}

const linked = (from: string, to: string): boolean => {
  try {
    Fs.linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false
    throw error
  }
}

/** A lock that was had, or the process that has it. */
export type Taken = { readonly release: () => void } | { readonly holder: number }

/** Takes the lock of a directory, also from a process that died with it. Throws what the file system throws. */
export const take = (directory: string, unique: string): Taken => {
  const path = Path.join(directory, "lock")
  const own = `${path}.${process.pid}.${unique}`
  Fs.writeFileSync(own, `${Os.hostname()}\n${process.pid}\n${bornAt(process.pid)}\n`, { mode: 0o600 })
  try {
    for (;;) {
      // A lock appears whole or not at all: it is written under another name first.
      if (linked(own, path)) return { release: () => Fs.rmSync(path, { force: true }) }
      const found = readIfThere(path)
      if (found === undefined) continue
      const pid = holder(found)
      if (pid !== undefined) return { holder: pid }
      putAside(path, `${own}.stale`, found)
    }
  } finally {
    Fs.rmSync(own, { force: true })
  }
}

/** Takes a dead process's lock away, unless another one was faster and has a lock of its own there already. */
const putAside = (path: string, aside: string, expected: string): void => {
  try {
    Fs.renameSync(path, aside)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return
    throw error
  }
  if (readIfThere(aside) !== expected) linked(aside, path)
  Fs.rmSync(aside, { force: true })
}
