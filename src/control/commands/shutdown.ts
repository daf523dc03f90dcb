import type { ControlCommand } from '../command.ts'

/** `app.control.shutdown()`: a warm shutdown, to which nobody gets a reply (wire specification 7.4). */
export const shutdown: ControlCommand = {
  name: 'shutdown',
  kind: 'control',
  handle(worker) {
    worker.shutDown()
    return undefined
  },
}
