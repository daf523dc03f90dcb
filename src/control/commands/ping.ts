import type { ControlCommand } from '../command.ts'

/** Says that the worker is there (wire specification 7.3). */
export const ping: ControlCommand = {
  name: 'ping',
  kind: 'inspect',
  handle: () => ({ ok: 'pong' }),
}
