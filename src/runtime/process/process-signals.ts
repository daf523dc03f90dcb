import type { EventLogger } from '../log/logger.ts'
import type { Clock } from '../time/clock.ts'
import { systemClock } from '../time/clock.ts'

/** How a process is asked to stop: finish running tasks, interrupt them, or exit at once. */
export type StopRequest = 'warm' | 'cold' | 'now'

/** The signals that stop a process. */
export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP'

const SIGNALS: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']

// Ctrl-C reaches every process of the terminal's process group, and npm forwards its own as well: one key press, two signals.
const ONE_KEY_PRESS_MS = 250

/**
 * The shutdown stage that a signal requests after the previous stage: first finish, then interrupt, then exit. SIGQUIT starts at
 * the second stage. SIGHUP never advances: systemd may send it right after SIGTERM, and terminals send it beside other signals.
 */
export function nextStop(previous: StopRequest | undefined, signal: StopSignal): StopRequest {
  if (signal === 'SIGHUP') return previous ?? 'warm'
  if (previous === undefined) return signal === 'SIGQUIT' ? 'cold' : 'warm'
  return previous === 'warm' ? 'cold' : 'now'
}

/** Listens for signals until disposed and logs what happens next. `onStop` is called once per stage, in order. */
export function onStopSignals(
  onStop: (request: StopRequest, signal: StopSignal) => void,
  options: {
    readonly logger: EventLogger
    readonly clock?: Clock
    /** The signal that SIGTERM is treated as: Celery's `REMAP_SIGTERM`. */
    readonly sigterm?: 'SIGTERM' | 'SIGQUIT'
    readonly process?: Pick<NodeJS.EventEmitter, 'on' | 'off'>
  },
): Disposable {
  const { logger, clock = systemClock, sigterm = 'SIGTERM', process: source = process } = options
  let asked: StopRequest | undefined
  let lastInterrupt = Number.NEGATIVE_INFINITY

  const hear = (signal: StopSignal): void => {
    if (signal === 'SIGINT') {
      const now = clock.monotonic()
      const samePress = now - lastInterrupt < ONE_KEY_PRESS_MS
      lastInterrupt = now
      if (samePress) return
    }
    const next = nextStop(asked, signal === 'SIGTERM' ? sigterm : signal)
    if (next === asked) return
    asked = next
    logger.warn({ event: 'worker.signal', signal, stop: asked }, NEXT[asked])
    onStop(asked, signal)
  }
  for (const signal of SIGNALS) source.on(signal, hear)
  return {
    [Symbol.dispose]() {
      for (const signal of SIGNALS) source.off(signal, hear)
    },
  }
}

/** Handles SIGUSR1, which would otherwise open Node's debugger, until disposed. */
export function onReportSignal(report: () => void): Disposable {
  process.on('SIGUSR1', report)
  return {
    [Symbol.dispose]() {
      process.off('SIGUSR1', report)
    },
  }
}

const NEXT: Readonly<Record<StopRequest, string>> = {
  warm: 'stopping: running tasks may finish; signal again to abort them',
  cold: 'stopping now: running tasks are aborted and go back to their queues; signal again to leave at once',
  now: 'leaving at once: unfinished tasks go back to their queues when the broker notices',
}
