/** Draws the plots of the docs from the figures of `growth.ts`. */
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const docs = fileURLToPath(new URL("../../docs/benchmarks", import.meta.url))

interface Point {
  readonly name: string
  readonly client: string
  readonly by: "concurrency" | "bytes"
  readonly at: number
  readonly perSecond: number
  readonly cpuMicros: number
}

const size = { width: 560, height: 340, left: 64, right: 132, top: 40, bottom: 44 }
const colours: Readonly<Record<string, string>> = { undici: "#7f8c8d", nano: "#c0662b", "effect-couchdb": "#2b6cb0" }

const short = (n: number): string =>
  n >= 1_000_000 ? `${n / 1_000_000} M` : n >= 1_000 ? `${n / 1_000} k` : String(Math.round(n * 10) / 10)

const decades = (values: ReadonlyArray<number>): readonly [number, number] => [
  10 ** Math.floor(Math.log10(Math.min(...values))),
  10 ** Math.ceil(Math.log10(Math.max(...values)))
]

/** Places names at the ends of their lines: in the order of the lines, without overlaps, and not below the axis. */
const named = (
  ends: ReadonlyArray<{ readonly client: string; readonly y: number }>,
  lowest: number
): ReadonlyMap<string, number> => {
  const places = new Map<string, number>()
  let free = lowest
  for (const { client, y } of [...ends].sort((a, b) => b.y - a.y)) {
    const place = Math.min(y + 4, free)
    places.set(client, place)
    free = place - 14
  }
  return places
}

/** Both axes are logarithmic, so proportional growth is a straight line. */
const plot = (
  title: string,
  x: string,
  points: ReadonlyArray<Point>,
  figure: "perSecond" | "cpuMicros"
): string => {
  const xs = Array.from(new Set(points.map(({ at }) => at))).sort((a, b) => a - b)
  const [low, high] = decades(points.map((point) => point[figure]))
  const across = size.width - size.left - size.right
  const down = size.height - size.top - size.bottom
  const first = Math.log10(xs[0] ?? 1)
  const last = Math.log10(xs.at(-1) ?? 10)
  const px = (at: number): number => size.left + across * (Math.log10(at) - first) / (last - first)
  const py = (value: number): number =>
    size.top + down * (1 - (Math.log10(value) - Math.log10(low)) / (Math.log10(high) - Math.log10(low)))
  const ticks: Array<number> = []
  for (let tick = low; tick <= high; tick *= 10) ticks.push(tick)
  const grid = ticks.map((tick) =>
    `<line x1="${size.left}" x2="${size.left + across}" y1="${py(tick).toFixed(1)}" y2="${
      py(tick).toFixed(1)
    }" stroke="#ddd"/><text x="${size.left - 8}" y="${(py(tick) + 4).toFixed(1)}" text-anchor="end">${
      short(tick)
    }</text>`
  )
  const below = xs.map((at) =>
    `<text x="${px(at).toFixed(1)}" y="${size.height - size.bottom + 18}" text-anchor="middle">${short(at)}</text>`
  )
  const clients = Array.from(new Set(points.map(({ client }) => client)))
  const ofClient = (client: string): ReadonlyArray<Point> =>
    points.filter((point) => point.client === client).sort((a, b) => a.at - b.at)
  const ends = named(
    clients.map((client) => ({ client, y: py(ofClient(client).at(-1)?.[figure] ?? low) })),
    size.top + down
  )
  const lines = clients.map((client) => {
    const own = ofClient(client)
    const colour = colours[client] ?? "#444"
    const path = own.map((point) => `${px(point.at).toFixed(1)},${py(point[figure]).toFixed(1)}`).join(" ")
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${
      own.map((point) =>
        `<circle cx="${px(point.at).toFixed(1)}" cy="${py(point[figure]).toFixed(1)}" r="3" fill="${colour}"/>`
      ).join("")
    }<text x="${size.left + across + 8}" y="${(ends.get(client) ?? 0).toFixed(1)}" fill="${colour}">${client}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="${size.left}" y="22" font-size="14">${title}</text>
${grid.join("\n")}
${below.join("\n")}
<text x="${size.left + across / 2}" y="${size.height - 8}" text-anchor="middle">${x}</text>
${lines.join("\n")}
</svg>
`
}

const axes = { concurrency: "concurrent operations", bytes: "bytes per body" } as const
const figures = { perSecond: "documents per second", cpuMicros: "µs of CPU per document" } as const

/** Draws one plot for each case, variable and figure. */
export const draw = (points: ReadonlyArray<Point>): void => {
  for (const name of new Set(points.map(({ name }) => name))) {
    for (const by of ["concurrency", "bytes"] as const) {
      const own = points.filter((point) => point.name === name && point.by === by)
      for (const figure of ["perSecond", "cpuMicros"] as const) {
        if (own.length === 0) continue
        writeFileSync(
          `${docs}/${name}-${by}-${figure === "perSecond" ? "throughput" : "cpu"}.svg`,
          plot(`${name}: ${figures[figure]}`, axes[by], own, figure)
        )
      }
    }
  }
}
