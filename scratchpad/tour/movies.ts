/**
 * The schema of a row of movies.json, the reasons for rejected rows, and the document keys. Pure: no I/O.
 */
import { Array, DateTime, Either, Option, Order, ParseResult, pipe, Predicate, Schema } from "effect"

/** Describes the expected value. Effect's messages and those of the library contain this text. */
const expecting = (what: string) => ({ title: what, message: () => what })

/** The same, and replaces the messages of the schema's parts. */
const words = (what: string) => ({ title: what, message: () => ({ message: what, override: true }) })

/** The encoded form has the names in the file, and the decoded form those of the program. */
const column = <K extends string, A, I>(name: K, schema: Schema.Schema<A, I>) =>
  Schema.propertySignature(schema).pipe(Schema.fromKey(name))

const Text = Schema.String.annotations(words("a text"))
const Dollars = Schema.NonNegativeInt.annotations(words("an amount in dollars"))
const Certificate = Schema.Literal("G", "PG", "PG-13", "R", "NC-17", "Not Rated")
const Percent = Schema.Int.pipe(Schema.between(0, 100))
const OutOfTen = Schema.Number.pipe(Schema.between(0, 10))

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const formatDate = (date: DateTime.Utc): string => {
  const { day, month, year } = DateTime.toPartsUtc(date)
  return `${months[month - 1]} ${String(day).padStart(2, "0")} ${year}`
}

const parseDate = (text: string): Option.Option<DateTime.Utc> => {
  const [month = "", day, year] = text.split(" ")
  return pipe(
    DateTime.make({ year: Number(year), month: months.indexOf(month) + 1, day: Number(day) }),
    Option.map(DateTime.toUtc),
    // DateTime accepts February 31 as March 3.
    Option.filter((date) => formatDate(date) === text)
  )
}

const DateText = Schema.transformOrFail(Schema.String, Schema.DateTimeUtcFromSelf, {
  strict: true,
  decode: (text, _, ast) =>
    Option.match(parseDate(text), {
      onNone: () => ParseResult.fail(new ParseResult.Type(ast, text)),
      onSome: ParseResult.succeed
    }),
  encode: (date) => ParseResult.succeed(formatDate(date))
}).annotations(words("a date such as \"Jun 12 1998\""))

/** The list is from 2010, so a release in 2033 is one in 1933. */
const lastYear = 2011

const ReleaseDate = DateText.pipe(
  Schema.filter((date) => DateTime.getPartUtc(date, "year") <= lastYear, expecting(`a year until ${lastYear}`)),
  // A missing date was written as the Unix epoch.
  Schema.filter((date) => formatDate(date) !== "Dec 31 1969", expecting("a date other than the Unix epoch"))
)

export const Movie = Schema.Struct({
  title: column("Title", Text),
  released: column("Release Date", ReleaseDate),
  director: column("Director", Schema.NullOr(Text)),
  distributor: column("Distributor", Schema.NullOr(Text)),
  genre: column("Major Genre", Schema.NullOr(Text)),
  kind: column("Creative Type", Schema.NullOr(Text)),
  basedOn: column("Source", Schema.NullOr(Text)),
  certificate: column(
    "MPAA Rating",
    Schema.NullOr(Certificate).annotations(words("one of G, PG, PG-13, R, NC-17, Not Rated"))
  ),
  minutes: column("Running Time min", Schema.NullOr(Schema.Positive)),
  budget: column("Production Budget", Dollars),
  grossUS: column("US Gross", Dollars),
  grossWorldwide: column("Worldwide Gross", Dollars),
  salesDVD: column("US DVD Sales", Schema.NullOr(Dollars)),
  rottenTomatoes: column("Rotten Tomatoes Rating", Schema.NullOr(Percent)),
  imdbRating: column("IMDB Rating", Schema.NullOr(OutOfTen)),
  imdbVotes: column("IMDB Votes", Schema.NullOr(Schema.NonNegativeInt))
})
export type Movie = typeof Movie.Type

/** Three of the sixteen columns, for an editor of credits. */
export const Card = Schema.Struct({
  title: column("Title", Text),
  director: column("Director", Schema.NullOr(Text)),
  imdbRating: column("IMDB Rating", Schema.NullOr(OutOfTen))
})
export type Card = typeof Card.Type

/** A row of the file, which is known only to have columns. */
export const Row = Schema.Record({ key: Schema.String, value: Schema.Unknown })
export type Row = typeof Row.Type

export const MoviesFile = Schema.parseJson(Schema.Array(Row))

/** An invalid column of a row. */
export interface Problem {
  readonly column: string
  readonly expected: string
  readonly value: unknown
}

export interface Rejected {
  readonly number: number
  readonly row: Row
  readonly problems: ReadonlyArray<Problem>
}

const decodeMovie = Schema.decodeUnknownEither(Movie, { errors: "all" })

const valueAt = (row: Row, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>((value, key) => Predicate.hasProperty(value, key) ? value[key] : undefined, row)

/** Decodes a row as a movie, or returns all of its problems. Rows are counted from 1. */
export const decodeRow = (row: Row, index: number): Either.Either<Movie, Rejected> =>
  Either.mapLeft(decodeMovie(row), (error) => ({
    number: index + 1,
    row,
    problems: ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => ({
      column: path.join("."),
      expected: message,
      value: valueAt(row, path)
    }))
  }))

/** A reason for rejection, and the rejected rows. */
export interface Reason {
  readonly column: string
  readonly expected: string
  readonly cases: ReadonlyArray<{ readonly number: number; readonly value: unknown }>
}

/** The rejected rows by reason, the most frequent first. A row with two problems counts for both. */
export const byReason = (rejected: ReadonlyArray<Rejected>): ReadonlyArray<Reason> =>
  pipe(
    rejected,
    Array.flatMap(({ number, problems }) => problems.map((problem) => ({ ...problem, number }))),
    Array.groupBy(({ column, expected }) => `${column}: ${expected}`),
    (groups) => Object.values(groups),
    Array.map((cases): Reason => ({ column: cases[0].column, expected: cases[0].expected, cases })),
    Array.sortWith(({ cases }) => cases.length, Order.reverse(Order.number))
  )

const slug = (text: string): string =>
  text.normalize("NFKD").toLowerCase()
    .replace(/[\p{M}'’]/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")

/**
 * A key for each movie: title and year, such as `king-kong-1976`. If several movies have the same key, later ones get a number,
 * so the same file always produces the same keys.
 */
export const withKeys = (movies: ReadonlyArray<Movie>): ReadonlyArray<readonly [key: string, movie: Movie]> => {
  const taken = new Map<string, number>()
  return movies.map((movie) => {
    const plain = `${slug(movie.title)}-${DateTime.getPartUtc(movie.released, "year")}`
    const times = (taken.get(plain) ?? 0) + 1
    taken.set(plain, times)
    return [times === 1 ? plain : `${plain}-${times}`, movie]
  })
}

/** The key of a rejected row, such as `row-0022`. */
export const rowKey = ({ number }: Rejected): string => `row-${String(number).padStart(4, "0")}`
