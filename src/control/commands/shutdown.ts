import type { ControlCommand } from '../command.ts'

/** `app.control.shutdown()`: a warm shutdown, which is not replied to (wire specification 7.4). */
export const shutdown: ControlCommand = {
  name: 'shutdown',
  kind: 'control',
  handle(worker) {
    worker.shutDown()
    return undefined
  },
}
