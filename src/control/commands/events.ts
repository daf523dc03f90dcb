import type { ControlCommand } from '../command.ts'

// What monitors hear of this worker (wire specification 7.4).

/** Has the worker send task events; monitors ask for it while they are watched. */
export const enableEvents: ControlCommand = {
  name: 'enable_events',
  kind: 'control',
  only: [],
  handle: ({ events }) => ({ ok: events.enable() ? 'task events enabled' : 'task events already enabled' }),
}

/** Undoes `enable_events`. Of a worker started with `-E` Celery says the same as of one that tells nothing. */
export const disableEvents: ControlCommand = {
  name: 'disable_events',
  kind: 'control',
  only: [],
  handle: ({ events }) => ({ ok: events.disable() ? 'task events disabled' : 'task events already disabled' }),
}

/** A monitor that has just started asks for it, so as not to wait for the next one. */
export const heartbeat: ControlCommand = {
  name: 'heartbeat',
  kind: 'control',
  only: [],
  handle({ events }) {
    events.beat()
    return null
  },
}
