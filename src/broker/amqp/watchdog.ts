const CHECKS_PER_HEARTBEAT = 4

/**
 * Calls `onSilence` once when nothing was received for two heartbeats. It counts checks, not time: after a blocked event
 * loop or a stopped process the bytes that wait in the socket are read before the next check.
 * amqplib has a check of its own, which takes between two and three heartbeats and then waits for the peer to hang up.
 */
export function watchSilence(options: {
  readonly heartbeatMs: number
  readonly received: () => number
  readonly onSilence: () => void
}): { stop(): void } {
  let received = options.received()
  let silentChecks = 0
  const timer = setInterval(() => {
    const now = options.received()
    silentChecks = now === received ? silentChecks + 1 : 0
    received = now
    if (silentChecks < 2 * CHECKS_PER_HEARTBEAT) return
    clearInterval(timer)
    options.onSilence()
  }, options.heartbeatMs / CHECKS_PER_HEARTBEAT).unref()
  return { stop: () => clearInterval(timer) }
}
