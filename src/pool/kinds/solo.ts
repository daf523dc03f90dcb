import type { PoolKind } from '../pool-kind.ts'

/** One attempt at a time, on the worker's event loop. */
export const solo: PoolKind<'solo'> = {
  name: 'solo',
  where: 'one by one',
  onEventLoop: true,
  open: (make) => make.onEventLoop(),
}
