import { constants } from 'node:os'
import { type ErrorCode, TwqError } from '../../errors.ts'

/** The statuses that commands end with; the numbers above 60 are those of BSD's sysexits. */
export const EXIT = {
  ok: 0,
  /** The command failed: the task ended in FAILURE, the worker had to be forced. */
  failed: 1,
  usage: 2,
  /** The broker, or any worker, is not there. */
  unavailable: 69,
  /** A defect: of twq, or of a task that let an exception escape from a callback. */
  software: 70,
  /** A required file can't be created. */
  cantCreate: 73,
  /** May work if tried again. */
  temporary: 75,
  /** The configuration, the tasks or the broker's set-up is wrong; trying again does not help. */
  config: 78,
  /** `--timeout` expired; the same status as timeout(1). */
  timeout: 124,
} as const

/** The meaning of each status, in the order of the documentation. */
export const EXIT_MEANINGS: readonly (readonly [status: number, meaning: string])[] = [
  [EXIT.ok, 'done; a worker has shut down cleanly'],
  [EXIT.failed, 'failed: the task failed, doctor found an error, or a worker had to abort tasks'],
  [EXIT.usage, 'the command line is invalid'],
  [EXIT.unavailable, 'the broker or the result backend is unreachable, or no worker answers'],
  [EXIT.software, 'a bug in twq, or an uncaught exception in a callback of a task'],
  [EXIT.cantCreate, 'the pid file names a running worker, or cannot be written'],
  [EXIT.temporary, 'a temporary failure: try again'],
  [EXIT.config, 'the configuration, the tasks, the login or the set-up of the broker is wrong'],
  [EXIT.timeout, '`--timeout` expired'],
  [exitCodeOfSignal('SIGINT'), 'interrupted by Ctrl-C'],
  [exitCodeOfSignal('SIGTERM'), 'interrupted by SIGTERM'],
]

/** Called with the status that a command ends with. */
export type Exit = (status: number) => void

/** The status of a process that a signal ended before its work was done, as shells have it: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

const EXIT_OF: Readonly<Record<ErrorCode, number>> = {
  TWQ_CONFIG: EXIT.config,
  TWQ_CONFIG_FILE: EXIT.config,
  TWQ_TASKS: EXIT.config,
  TWQ_TASK_DEFINITION: EXIT.config,
  TWQ_USAGE: EXIT.usage,
  TWQ_BROKER_UNREACHABLE: EXIT.unavailable,
  TWQ_BROKER_AUTH: EXIT.config,
  TWQ_BROKER_VHOST: EXIT.config,
  TWQ_BROKER_PERMISSION: EXIT.config,
  TWQ_BROKER_TLS: EXIT.config,
  TWQ_QUEUE_MISMATCH: EXIT.config,
  TWQ_QUEUE_CREATION: EXIT.failed,
  TWQ_QUEUE_MISSING: EXIT.failed,
  TWQ_QUEUE_DOWN: EXIT.unavailable,
  TWQ_QUEUE_LOCKED: EXIT.unavailable,
  TWQ_QUEUE_IN_USE: EXIT.failed,
  TWQ_MANAGEMENT: EXIT.unavailable,
  TWQ_CONNECTION_LOST: EXIT.unavailable,
  TWQ_CHANNEL_CLOSED: EXIT.unavailable,
  TWQ_CONSUMER_TIMEOUT: EXIT.unavailable,
  TWQ_BROKER_BLOCKED: EXIT.temporary,
  TWQ_PUBLISH_REFUSED: EXIT.temporary,
  TWQ_PUBLISH_UNROUTABLE: EXIT.failed,
  // Usually because the broker was away: the client waits for it until this time-out.
  TWQ_PUBLISH_TIMEOUT: EXIT.unavailable,
  TWQ_PUBLISH_OVERFLOW: EXIT.temporary,
  TWQ_MESSAGE_MALFORMED: EXIT.failed,
  TWQ_UNSERIALISABLE: EXIT.usage,
  TWQ_UNKNOWN_TASK: EXIT.failed,
  TWQ_ARGUMENTS: EXIT.usage,
  TWQ_TASK_FAILED: EXIT.failed,
  TWQ_RESULT_TIMEOUT: EXIT.timeout,
  TWQ_RESULT_BACKEND: EXIT.unavailable,
  TWQ_RESULT_BACKEND_LOGIN: EXIT.config,
  TWQ_RESULT_REFUSED: EXIT.failed,
  TWQ_RESULT_UNAVAILABLE: EXIT.failed,
  TWQ_CHORD_UNSUPPORTED: EXIT.failed,
  TWQ_NO_WORKER: EXIT.unavailable,
  TWQ_CONTROL: EXIT.failed,
  TWQ_SCHEDULE: EXIT.failed,
  TWQ_SCHEDULES_NO_LEADER: EXIT.unavailable,
  TWQ_SOFT_LIMIT: EXIT.failed,
  TWQ_POOL: EXIT.config,
  TWQ_PLUGIN: EXIT.config,
  TWQ_REVOKED: EXIT.failed,
  TWQ_SHUTTING_DOWN: EXIT.failed,
  TWQ_PIDFILE: EXIT.cantCreate,
  TWQ_STATEDB: EXIT.cantCreate,
  TWQ_MONITOR_ADDRESS: EXIT.config,
  TWQ_HEALTH_ADDRESS: EXIT.config,
  TWQ_MESSAGE_MISSING: EXIT.failed,
  TWQ_EXISTS: EXIT.failed,
  TWQ_CLOSED: EXIT.failed,
  TWQ_BUNDLED: EXIT.config,
  TWQ_INTERNAL: EXIT.failed,
}

/** The status for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  return TwqError.is(error) ? (EXIT_OF[error.code] ?? EXIT.failed) : EXIT.failed
}
