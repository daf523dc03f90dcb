import { sharedAbort } from '../../runtime/time/shared-abort.ts'
import { EXIT, exitCodeOfSignal } from './exit-codes.ts'

/**
 * Runs work that can stop between two steps: the first Ctrl-C or SIGTERM aborts `signal`, a second one ends the process
 * as usual. Resolves with the status of `work`, or with 130 or 143 if it was stopped.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = sharedAbort()
  let stoppedBy: NodeJS.Signals | undefined
  const stop = (signal: NodeJS.Signals): void => {
    stoppedBy = signal
    release()
    controller.abort()
  }
  const release = (): void => {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  try {
    const status = await work(controller.signal)
    return stoppedBy === undefined || status !== EXIT.ok ? status : exitCodeOfSignal(stoppedBy)
  } catch (error) {
    if (stoppedBy === undefined || error !== controller.signal.reason) throw error
    return exitCodeOfSignal(stoppedBy)
  } finally {
    release()
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
