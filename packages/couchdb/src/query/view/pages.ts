import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { DecodeError } from "../../document/errors.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import type * as Rows from "../../rows/stream.js"
import type { Page } from "../View.js"
import { isCountable, page, type Prepared, toPage } from "./query.js"
import { collect, type Position, Scan } from "./scan.js"
import { scannedOf, startOf } from "./start.js"

interface State {
  readonly position: Position
  readonly left: number
  /** How many rows hold one of the collection's, as far as is known. */
  readonly spread: number
}

/** The most rows that the first request for a page asks for. */
const most = 1_000

/**
 * A view a page at a time. Each page reads one row more than it shows, and the next page begins at this row: at its key and
 * its document. So the last page is known to be the last.
 */
export const pages = <A, R>(
  prepared: Prepared<A, R>,
  pageSize: number
): Stream.Stream<Page<A>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  const size = pageSize >= 1 ? Math.floor(pageSize) : 1
  const scanned = scannedOf(prepared)
  const pagesFrom = (position: Position) =>
    Stream.paginateEffect(
      { position, left: prepared.limit ?? Infinity, spread: 1 },
      ({ left, position, spread }: State) => {
        const shown = Math.min(size, left)
        const wanted = left <= size ? shown : shown + 1
        return Effect.gen(function*() {
          const scan = new Scan(scanned, position, wanted, Math.min(most, Math.ceil(wanted * spread)))
          const { around, request, rows } = yield* collect(scan)
          const page = yield* toPage(request, prepared, rows.slice(0, shown), around)
          return [
            page,
            wanted === shown || scan.last === undefined ? Option.none<State>() : Option.some<State>({
              position: scan.last,
              left: left - shown,
              spread: scan.read / scan.found
            })
          ] as const
        })
      }
    )
  // The server says what is wrong with a limit that is no number of rows.
  return isCountable(prepared)
    ? Stream.unwrap(Effect.map(startOf(prepared), pagesFrom))
    : Stream.fromEffect(page(prepared))
}
