import type { PoolKind } from '../pool-kind.ts'

/** As many attempts as there are slots, on the worker's event loop. */
export const asyncKind: PoolKind<'async'> = {
  name: 'async',
  celeryNames: ['eventlet', 'gevent'],
  where: "the worker's event loop",
  onEventLoop: true,
  concurrency: { count: () => 10, words: '10' },
  open: (make) => make.onEventLoop(),
}
