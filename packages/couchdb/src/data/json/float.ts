/** The smallest double with full precision. */
const smallestNormal = 2 ** -1022

const exponential = /^(-?\d+)[eE]([+-]?\d+)$/

/** The powers of ten that the C library of CouchDB's images rounds up instead of down. */
const roundedUp: ReadonlyMap<number, number> = new Map([
  [23, 1.0000000000000001e23],
  [210, 1.0000000000000001e210]
])

const powerOfTen = (exponent: number): number => roundedUp.get(exponent) ?? Number(`1e${exponent}`)

/** Converts an integer to a float as Erlang does: digit by digit in base 2^64, rounding each time. */
const toFloat = (integer: bigint): number => {
  if (integer < 0n) return -toFloat(-integer)
  const digits: Array<number> = []
  for (let rest = integer; rest > 0n; rest >>= 64n) digits.push(Number(rest & 0xffffffffffffffffn))
  return digits.reduceRight((sum, digit) => sum * 2 ** 64 + digit, 0)
}

/**
 * Whether the C library reports an underflow: the value is below the normal doubles before it is rounded to 53 bits.
 */
const underflows = (value: number, integer: bigint, exponent: number): boolean => {
  const size = Math.abs(value)
  if (size < smallestNormal) return integer !== 0n
  if (size > smallestNormal) return false
  const magnitude = integer < 0n ? -integer : integer
  return magnitude << 1076n < ((1n << 54n) - 1n) * 10n ** BigInt(-exponent)
}

/**
 * The double that CouchDB stores for the text of a number with a fraction or an exponent. It is not finite if CouchDB
 * refuses the text.
 *
 * It is the nearest double, except for an integer with an exponent whose text is long or whose value is very small:
 * CouchDB's JSON parser then multiplies the integer by a power of ten.
 */
export const floatOf = (text: string): number => {
  const nearest = Number(text)
  const [, digits, power] = exponential.exec(text) ?? []
  if (digits === undefined || power === undefined) return nearest
  const integer = BigInt(digits)
  const exponent = Number(power)
  return text.length < 32 && !underflows(nearest, integer, exponent)
    ? nearest
    : toFloat(integer) * powerOfTen(exponent)
}
