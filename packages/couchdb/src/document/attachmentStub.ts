/**
 * What a document says of one of its attachments.
 *
 * - `length`: bytes of the file; `encodedLength` those that are stored, where the server compressed it (`encoding`)
 * - `digest`: `md5-` and the MD5 of the stored bytes in base64
 * - `revpos`: the generation in which it was added
 *
 * @since 0.1.0
 * @category model
 */
export interface Stub {
  readonly contentType: string
  readonly length: number
  readonly digest: string
  readonly revpos: number
  readonly encoding?: string
  readonly encodedLength?: number
}
