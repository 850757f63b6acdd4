/**
 * Splits and parses a response without a library. Each line that starts with `beginning` is a row. Stops after `count` rows.
 */
export const rowsByHand = async (
  url: string,
  path: string,
  beginning: string,
  count: number,
  onRow: (row: { readonly doc?: unknown }) => void
): Promise<void> => {
  const { Pool } = await import("undici")
  const pool = new Pool(url)
  const response = await pool.request({ method: "GET", path })
  const decoder = new TextDecoder()
  let rest = ""
  let rows = 0
  for await (const chunk of response.body) {
    const text = rest + decoder.decode(chunk as Uint8Array, { stream: true })
    let start = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      const line = text.slice(start, end).trimEnd()
      start = end + 1
      if (!line.startsWith(beginning)) continue
      onRow(JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line) as { readonly doc?: unknown })
      rows++
    }
    rest = text.slice(start)
    if (rows >= count) break
  }
  if (rows !== count) throw new Error(`${rows} rows instead of ${count}`)
}
