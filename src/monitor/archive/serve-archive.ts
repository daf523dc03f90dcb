import { parentPort } from 'node:worker_threads'
import { hintOf, messageOf } from '../../errors.ts'
import { ArchiveDatabase } from './archive-database.ts'
import type { ArchiveRequest } from './archived.ts'

/** A request with the number for its answer. */
export interface NumberedRequest {
  readonly number: number
  readonly request: ArchiveRequest
}

/** The outcome of a request. */
export type ArchiveAnswer =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly error: string; readonly hint: string | undefined }

/** Answers the requests of the main thread, one after the other. */
export function serveArchive(): void {
  const port = parentPort
  if (port === null) return
  let database: ArchiveDatabase | undefined
  let last: Promise<void> = Promise.resolve()

  async function answer({ number, request }: NumberedRequest): Promise<void> {
    try {
      if (request.kind === 'open') database = await ArchiveDatabase.open(request.file)
      else if (database !== undefined) return tell({ number, value: perform(database, request) })
      tell({ number, value: undefined })
    } catch (error) {
      tell({ number, error: messageOf(error), hint: hintOf(error) })
    }
  }
  const tell = (told: ArchiveAnswer): void => port.postMessage(told)
  port.on('message', (numbered: NumberedRequest) => {
    last = last.then(() => answer(numbered))
  })
}

function perform(database: ArchiveDatabase, request: Exclude<ArchiveRequest, { readonly kind: 'open' }>): unknown {
  switch (request.kind) {
    case 'save':
      return database.save(request.changes, request.facts)
    case 'facts':
      return database.facts()
    case 'recent':
      return database.recent(request.limit)
    case 'steps':
      return database.steps()
    case 'audit':
      return database.audit(request.limit)
    case 'find':
      return database.find(request.query)
    case 'task':
      return database.task(request.id)
    case 'count':
      return database.count()
    case 'forget':
      return database.forget(request.before, request.now)
    case 'close':
      return database.close()
    default:
      return request satisfies never
  }
}
