/** The part of PouchDB's interface that the tests use. Its published types are for an older Node. */
declare module "pouchdb" {
  export namespace PouchDB {
    interface Meta {
      readonly _id: string
      readonly _rev: string
      readonly _conflicts?: ReadonlyArray<string>
      readonly _attachments?: Readonly<Record<string, { readonly content_type: string; readonly data?: unknown }>>
      readonly [member: string]: unknown
    }
    interface Saved {
      readonly id: string
      readonly rev: string
    }
    interface Row {
      readonly id: string
      readonly key: unknown
      readonly value: unknown
    }
    interface Replicated {
      readonly ok: boolean
      readonly docs_read: number
      readonly docs_written: number
      readonly doc_write_failures: number
      readonly errors: ReadonlyArray<unknown>
    }
    interface Sync extends Promise<{ readonly push: Replicated; readonly pull: Replicated }> {
      on(event: "change" | "paused" | "complete", listener: (value: unknown) => void): this
      on(event: "error", listener: (error: unknown) => void): this
      cancel(): void
    }
    interface Database {
      info(): Promise<{ readonly doc_count: number }>
      get(id: string, options?: object): Promise<Meta>
      put(document: object): Promise<Saved>
      remove(document: Meta): Promise<Saved>
      bulkDocs(documents: ReadonlyArray<object>): Promise<ReadonlyArray<unknown>>
      allDocs(options: object): Promise<{ readonly rows: ReadonlyArray<Row> }>
      query(view: string, options: object): Promise<{ readonly rows: ReadonlyArray<Row> }>
      createIndex(index: object): Promise<unknown>
      find(query: object): Promise<{ readonly docs: ReadonlyArray<object> }>
      putAttachment(id: string, name: string, rev: string, data: Uint8Array, type: string): Promise<Saved>
      getAttachment(id: string, name: string): Promise<unknown>
      changes(options: object): Promise<{
        readonly results: ReadonlyArray<{
          readonly id: string
          readonly deleted?: boolean
          readonly changes: ReadonlyArray<{ readonly rev: string }>
        }>
      }>
      sync(other: Database, options?: object): Sync
      close(): Promise<void>
      destroy(): Promise<unknown>
    }
    interface Static {
      new(name: string, options?: object): Database
      plugin(plugin: object): Static
      replicate(source: Database, target: Database): Promise<Replicated>
    }
  }
  const PouchDB: PouchDB.Static
  export default PouchDB
}

declare module "pouchdb-adapter-memory" {
  const plugin: object
  export default plugin
}

declare module "pouchdb-find" {
  const plugin: object
  export default plugin
}
