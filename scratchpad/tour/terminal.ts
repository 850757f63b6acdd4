/**
 * The output of the tour: eighty columns, with colour in a terminal and plain lines otherwise.
 */
import { Clock, Console, Duration, Effect, Ref } from "effect"
import { styleText } from "node:util"

const width = 80
const margin = "   "
interface Output {
  readonly isTTY?: boolean
}

const isTerminal = (stream: Output) => stream.isTTY === true && process.env["TERM"] !== "dumb"
const interactive = isTerminal(process.stdout)
const wanted = (process.env["NO_COLOR"] ?? "") === ""

type Style = (text: string) => string

const style = (format: Parameters<typeof styleText>[0], stream: Output = process.stdout): Style => {
  const coloured = wanted && isTerminal(stream)
  return (text) => coloured ? styleText(format, text) : text
}

const plain: Style = (text) => text
export const bold = style("bold")
export const dim = style("dim")
export const good = style("green")
const accent = style("cyan")

const numbers = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

/** `3,201`. */
export const count = (n: number): string => numbers.format(n)

/** `12 ms`, `1.2 s`. */
export const time = (duration: Duration.Duration): string => {
  const ms = Duration.toMillis(duration)
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** Lines of at most `room` characters, broken at a space, or inside a word that is longer than a line. */
const wrap = (text: string, room: number): ReadonlyArray<string> => {
  if (text.length <= room) return [text]
  const space = text.lastIndexOf(" ", room)
  const next = text.indexOf(" ", space + 1)
  const tooLong = (next === -1 ? text.length : next) - space - 1 > room
  return space <= 0 || tooLong
    ? [text.slice(0, room), ...wrap(text.slice(room), room)]
    : [text.slice(0, space), ...wrap(text.slice(space + 1), room)]
}

const block = (text: string, before: string, paint: Style): string =>
  wrap(text, width - before.length).map((line) => before + paint(line)).join("\n")

/** A paragraph. */
export const say = (text: string, paint: Style = plain) => Console.log(block(text, margin, paint))

/** An explanation of the output. */
export const remark = (text: string, indent = "") => Console.log(block(text, margin + indent, dim))

/** Text of the library, unchanged. */
export const quote = (text: string) => Console.log(block(text, `${margin}│ `, accent))

const bad = style("red", process.stderr)

/** Prints an error to stderr, so that it is visible if stdout is piped. */
export const complain = (text: string) => Console.error(block(text, margin, bad))

/** Prints a formatted line. */
export const row = (text: string) => Console.log(margin + text)

/** The beginning of a section. */
export const section = (number: number, title: string) => Console.log(`\n${bold(`${number}  ${title}`)}`)

/** A bar with a number of cells. */
const bar = (done: number, total: number, cells: number): string => {
  const full = total === 0 ? cells : Math.floor((done / total) * cells)
  return good("█".repeat(full)) + dim("░".repeat(cells - full))
}

/** The interval in milliseconds between two updates of the bar, and the number of items between two lines of a log. */
const redraw = 50
const every = 500

/** Runs the effect for every item with a bounded concurrency, and shows the progress. */
export const forEachShown = <A, B, E, R>(
  items: ReadonlyArray<A>,
  f: (item: A) => Effect.Effect<B, E, R>,
  options: { readonly concurrency: number; readonly unit: string }
): Effect.Effect<void, E, R> =>
  Effect.gen(function*() {
    const begin = yield* Clock.currentTimeMillis
    const done = yield* Ref.make(0)
    const drawn = yield* Ref.make(0)
    const total = items.length

    const draw = (n: number, now: number) => {
      const figures = `${count(n)} of ${count(total)} ${options.unit}, ${count(n / Math.max(now - begin, 1) * 1000)}/s`
      process.stdout.write(interactive ? `\r${margin}${bar(n, total, 30)} ${figures}\x1b[K` : `${margin}${figures}\n`)
    }
    const step = Effect.gen(function*() {
      const n = yield* Ref.updateAndGet(done, (n) => n + 1)
      const now = yield* Clock.currentTimeMillis
      const due = n === total || (interactive ? now - (yield* Ref.get(drawn)) >= redraw : n % every === 0)
      if (!due) return
      yield* Ref.set(drawn, now)
      yield* Effect.sync(() => draw(n, now))
    })
    yield* Effect.forEach(items, (item) => Effect.zipLeft(f(item), step), {
      concurrency: options.concurrency,
      discard: true
    })
  }).pipe(
    // The next output begins on a new line, even after a failure.
    Effect.ensuring(Effect.sync(() => interactive ? process.stdout.write("\n") : undefined))
  )
