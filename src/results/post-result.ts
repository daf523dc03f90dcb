import type { ResultRecord } from '../protocol/result-record.ts'
import type { ResultBackend, ResultOwner } from './backend.ts'

/** Is told the outcome of a record: once, possibly before the call that stores it returns. Neither method may throw. */
export interface StoreListener {
  /** It is stored, or it is certain that no reader can receive it. */
  stored(answer: 'stored' | 'dropped', record: ResultRecord): void
  /** Neither can be established: the error with which `ResultBackend.store` rejects. */
  refused(error: unknown, record: ResultRecord): void
}

/** The method of a {@link PostingBackend}: a symbol, since a custom backend may have methods of any name. */
export const POST = Symbol('post a result')

/** A backend that can store a record without a promise: a worker does this for each of its tasks. */
export interface PostingBackend extends ResultBackend {
  [POST](record: ResultRecord, owner: ResultOwner, listener: StoreListener): void
}

/** Stores a record as `ResultBackend.store` of any backend does, and tells `listener` the outcome. */
export function postResult(
  backend: ResultBackend,
  record: ResultRecord,
  { owner, routingKey }: { readonly owner: ResultOwner; readonly routingKey: string },
  listener: StoreListener,
): void {
  if (POST in backend) {
    ;(backend as PostingBackend)[POST](record, owner, listener)
    return
  }
  store(backend, record, owner, routingKey).then(
    (answer) => listener.stored(answer, record),
    (error: unknown) => listener.refused(error, record),
  )
}

/** Async, since a custom backend may throw. */
async function store(
  backend: ResultBackend,
  record: ResultRecord,
  owner: ResultOwner,
  routingKey: string,
): Promise<'stored' | 'dropped'> {
  return await backend.store(record, owner, routingKey)
}
