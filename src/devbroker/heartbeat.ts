import type { Clock, Timer } from '../runtime/time/clock.ts'

/** The watch over one connection. */
export interface Heartbeat {
  /** Something came from the other side. */
  heard(): void
  /** Something was sent to it. */
  wrote(): void
  stop(): void
}

/**
 * Calls `beat` when half the interval (milliseconds; 0 is never) passed without anything sent, and `lost` when two
 * intervals passed without anything heard.
 */
export function keepAlive(
  interval: number,
  { clock, beat, lost }: { readonly clock: Clock; beat(): void; lost(silentMs: number): void },
): Heartbeat {
  let heardAt = clock.monotonic()
  let wroteAt = heardAt
  let timer: Timer | undefined
  const watch = (): void => {
    timer = clock.after(interval / 2, () => {
      const now = clock.monotonic()
      watch()
      if (now - wroteAt >= interval / 2) beat()
      if (now - heardAt > 2 * interval) lost(Math.round(now - heardAt))
    })
  }
  if (interval > 0) watch()
  return {
    heard() {
      heardAt = clock.monotonic()
    },
    wrote() {
      wroteAt = clock.monotonic()
    },
    stop: () => timer?.cancel(),
  }
}
