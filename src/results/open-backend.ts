import type { Publisher } from '../broker/publisher.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ResultBackend } from './backend.ts'
import { noResults } from './none.ts'
import { RpcResults } from './rpc.ts'

/** The backend that the configuration names. */
export function openBackend(kind: ResultBackend['kind'], publisher: Publisher, clock: Clock): ResultBackend {
  switch (kind) {
    case 'rpc':
      return new RpcResults(publisher, clock)
    case 'none':
      return noResults
  }
}
