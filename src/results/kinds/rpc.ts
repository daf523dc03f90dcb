import type { ResultBackendKind } from '../definition.ts'
import { ReplyQueue } from '../rpc/reply-queue.ts'
import { RpcResults } from '../rpc/rpc-results.ts'

/** `rpc://`: each result is sent to the reply queue of the task's sender (wire specification 4.3). */
export const rpc: ResultBackendKind = {
  form: "'rpc://'",
  matches: (text) => text === 'rpc' || text === 'rpc://',
  define: () => ({
    shown: 'rpc://',
    celeryName: 'rpc:///',
    openBackend: ({ publisher, clock, leaving }) => new RpcResults(publisher, clock, leaving),
    openReplies: (session, logger) => new ReplyQueue(session, logger),
    examine: async () => "rpc://, on the broker, in each caller's own queue",
  }),
}
