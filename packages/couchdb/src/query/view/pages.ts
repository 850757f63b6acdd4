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
  /** The number of rows read for each row of the collection, in the pages so far. */
  readonly rowsPerMatch: number
}

/** The maximum number of rows of the first request for a page. */
const maxFirstRequest = 1_000

/**
 * Streams a view page by page. Each page reads one row more than it returns; the next page starts at the key and
 * document of this row. If there is no such row, the page is the last.
 */
export const pages = <A, R>(
  prepared: Prepared<A, R>,
  pageSize: number
): Stream.Stream<Page<A>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  const size = pageSize >= 1 ? Math.floor(pageSize) : 1
  const scanned = scannedOf(prepared)
  const pagesFrom = (position: Position) =>
    Stream.paginateEffect(
      { position, left: prepared.limit ?? Infinity, rowsPerMatch: 1 },
      ({ left, position, rowsPerMatch }: State) => {
        const taken = Math.min(size, left)
        const wanted = left <= size ? taken : taken + 1
        return Effect.gen(function*() {
          const scan = new Scan(scanned, position, wanted, Math.min(maxFirstRequest, Math.ceil(wanted * rowsPerMatch)))
          const { around, request, rows } = yield* collect(scan)
          const page = yield* toPage(request, prepared, rows.slice(0, taken), around)
          return [
            page,
            wanted === taken || scan.last === undefined ? Option.none<State>() : Option.some<State>({
              position: scan.last,
              left: left - taken,
              rowsPerMatch: scan.read / scan.found
            })
          ] as const
        })
      }
    )
  // If `limit` or `skip` is not a valid count, the server reports the error.
  return isCountable(prepared)
    ? Stream.unwrap(Effect.map(startOf(prepared), pagesFrom))
    : Stream.fromEffect(page(prepared))
}
