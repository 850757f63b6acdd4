import type { Figures } from "./measure.js"

/** The goal of a case: the ratio of a figure of the library to that of another client. */
interface Goal {
  readonly figure: "cpuMicros" | "perSecond"
  readonly over: string
  readonly atLeast?: number
  readonly atMost?: number
}

const goals: Readonly<Record<string, ReadonlyArray<Goal>>> = {
  get: [
    { figure: "cpuMicros", over: "undici", atMost: 2 },
    { figure: "cpuMicros", over: "nano", atMost: 0.3 },
    { figure: "perSecond", over: "nano", atLeast: 3 }
  ],
  "get-raw": [{ figure: "cpuMicros", over: "undici", atMost: 1.5 }],
  save: [{ figure: "cpuMicros", over: "nano", atMost: 0.4 }],
  "fetch-many": [
    { figure: "perSecond", over: "nano", atLeast: 12 },
    { figure: "perSecond", over: "undici", atLeast: 0.8 }
  ],
  "save-many": [{ figure: "perSecond", over: "nano", atLeast: 8 }],
  changes: [{ figure: "perSecond", over: "undici", atLeast: 0.8 }],
  "changes-schema": [{ figure: "perSecond", over: "undici", atLeast: 0.8 }],
  "changes-normal": [{ figure: "perSecond", over: "undici", atLeast: 0.8 }],
  stream: [{ figure: "perSecond", over: "undici", atLeast: 1 / 1.2 }],
  "stream-schema": [{ figure: "perSecond", over: "undici", atLeast: 1 / 1.2 }]
}

const library = "effect-couchdb"

const reached = (name: string, figures: Readonly<Record<string, Figures>>): ReadonlyArray<string> =>
  (goals[name] ?? []).flatMap(({ atLeast, atMost, figure, over }) => {
    const own = figures[library]?.[figure]
    const other = figures[over]?.[figure]
    if (own === undefined || other === undefined) return []
    const ratio = own / other
    const well = ratio >= (atLeast ?? 0) && ratio <= (atMost ?? Infinity)
    const bound = atLeast === undefined ? `≤ ${atMost?.toFixed(2)}` : `≥ ${atLeast.toFixed(2)}`
    const what = figure === "cpuMicros" ? "CPU" : "throughput"
    return [`  ${well ? "ok      " : "short of"} ${what} ${ratio.toFixed(2)} × ${over} (${bound})\n`]
  })

/** The maximum size that the library may add to a program, in kB. */
const maxAdded = 15

const sized = (figures: Readonly<Record<string, Line>>): ReadonlyArray<string> => {
  const added = figures[library]?.["addsKB"]
  return added === undefined
    ? []
    : [`  ${added <= maxAdded ? "ok      " : "short of"} adds ${added} kB (≤ ${maxAdded})\n`]
}

type Line = Readonly<Record<string, number>>

const line = (client: string, { cpuMicros, peakMB, perSecond, ...others }: Line): string =>
  `  ${client.padEnd(26)}${perSecond === undefined ? "" : `${perSecond.toLocaleString("en").padStart(10)} /s`}${
    cpuMicros === undefined ? "" : `${cpuMicros.toFixed(1).padStart(9)} µs`
  }${peakMB === undefined ? "" : `${String(peakMB).padStart(7)} MB`}${
    Object.entries(others).map(([what, figure]) => `   ${what} ${figure}`).join("")
  }\n`

/** The table as text, with the goals of each case. */
export const printed = (table: Readonly<Record<string, Readonly<Record<string, object>>>>): string =>
  Object.entries(table).map(([name, figures]) =>
    `\n${name}\n${Object.entries(figures).map(([client, each]) => line(client, each as Line)).join("")}${
      reached(name, figures as Readonly<Record<string, Figures>>).join("")
    }${sized(figures as Readonly<Record<string, Line>>).join("")}`
  ).join("")
