import { availableParallelism } from 'node:os'
import type { Config } from './config.ts'
import type { Read } from './options.ts'

/** How many tasks run at once, to begin with. */
export function concurrencyOf(read: Read): number {
  const autoscale = autoscaleOf(read)
  if (autoscale !== undefined) return Math.max(autoscale.min, 1)
  switch (read('pool')) {
    case 'async':
      return read('concurrency') ?? 10
    case 'solo':
      return 1
    case 'threads':
    case 'processes':
      return read('concurrency') ?? availableParallelism()
  }
}

/** The bounds of a pool that grows and shrinks; a pool for one task has none. */
export function autoscaleOf(read: Read): Config['autoscale'] {
  return read('pool') === 'solo' ? undefined : read('autoscale')
}
