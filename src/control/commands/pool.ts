import { wholeNumberOf } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'

// How many tasks run at once (wire specification 7.4).

/** `app.control.pool_grow(n)`. */
export const poolGrow: ControlCommand = {
  name: 'pool_grow',
  kind: 'control',
  handle(worker, { n }) {
    if (worker.autoscaler !== undefined) return { error: notWithAutoscale('pool_grow') }
    worker.resizePool(wholeNumberOf('n', n, 1) as number)
    return { ok: 'pool will grow' }
  },
}

/** `app.control.pool_shrink(n)`; what runs goes on, and at least one slot stays. */
export const poolShrink: ControlCommand = {
  name: 'pool_shrink',
  kind: 'control',
  handle(worker, { n }) {
    if (worker.autoscaler !== undefined) return { error: notWithAutoscale('pool_shrink') }
    worker.resizePool(-(wholeNumberOf('n', n, 1) as number))
    return { ok: 'pool will shrink' }
  },
}

/** `app.control.autoscale(max, min)`. */
export const autoscale: ControlCommand = {
  name: 'autoscale',
  kind: 'control',
  only: ['max', 'min'],
  handle({ autoscaler }, args) {
    if (autoscaler === undefined) throw new Error("ValueError('Autoscale not enabled')")
    const { max, min } = autoscaler.update(
      wholeNumberOf('max', args.max, undefined),
      wholeNumberOf('min', args.min, undefined),
    )
    return { ok: `autoscale now max=${max} min=${min}` }
  },
}

/** `app.control.pool_restart()`. Modules that the wire names are never loaded: new members load those of the configuration. */
export const poolRestart: ControlCommand = {
  name: 'pool_restart',
  kind: 'control',
  handle(worker) {
    worker.restartPool()
    return { ok: 'reload started' }
  },
}

function notWithAutoscale(command: string): string {
  return `${command} is not supported with autoscale. Adjust autoscale range instead.`
}
