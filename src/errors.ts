/** Every code a {@link TwqError} can carry. The command line turns codes into exit statuses; nothing else does. */
export type ErrorCode =
  /** The configuration is wrong; the message lists every problem found. */
  | 'TWQ_CONFIG'
  /** The configuration file could not be found or loaded. */
  | 'TWQ_CONFIG_FILE'
  /** A task module could not be imported, or exports a task that can't be used. */
  | 'TWQ_TASKS'
  /** `defineTask` was called with settings that contradict each other. */
  | 'TWQ_TASK_DEFINITION'
  /** A value from the command line can't be used. */
  | 'TWQ_USAGE'
  /** The broker can't be reached or does not answer. */
  | 'TWQ_BROKER_UNREACHABLE'
  /** The broker refused the user or the password. */
  | 'TWQ_BROKER_AUTH'
  /** The virtual host does not exist, or the user may not use it. */
  | 'TWQ_BROKER_VHOST'
  /** The user lacks a permission on an exchange or a queue. */
  | 'TWQ_BROKER_PERMISSION'
  /** TLS could not be set up with the broker. */
  | 'TWQ_BROKER_TLS'
  /** A queue or an exchange exists with different settings (AMQP 406). */
  | 'TWQ_QUEUE_MISMATCH'
  /** A queue or an exchange does not exist (AMQP 404). */
  | 'TWQ_QUEUE_MISSING'
  /** A queue is on a single cluster node, which is down (AMQP 404); it comes back with that node. */
  | 'TWQ_QUEUE_DOWN'
  /** Another connection uses a queue exclusively (AMQP 405, or 403 on consuming), and frees it when it closes or cancels its consumer. */
  | 'TWQ_QUEUE_LOCKED'
  /** The connection was lost; the outcome of operations in progress is unknown. */
  | 'TWQ_CONNECTION_LOST'
  /** A queue to be deleted holds messages, or has a consumer. */
  | 'TWQ_QUEUE_IN_USE'
  /** RabbitMQ's management API can't be used. */
  | 'TWQ_MANAGEMENT'
  /** The channel was closed by the broker. */
  | 'TWQ_CHANNEL_CLOSED'
  /** The broker closed the channel because a message was not acknowledged within its `consumer_timeout`. */
  | 'TWQ_CONSUMER_TIMEOUT'
  /** The broker refused a message (a nack, or a full queue). */
  | 'TWQ_PUBLISH_REFUSED'
  /** A mandatory message was returned: it could not be routed to a queue. */
  | 'TWQ_PUBLISH_UNROUTABLE'
  /** The broker blocks publishers, because it is low on memory or disk. */
  | 'TWQ_BROKER_BLOCKED'
  /** The broker did not confirm a message in time. */
  | 'TWQ_PUBLISH_TIMEOUT'
  /** Too many messages wait for the broker; the new one was not accepted. */
  | 'TWQ_PUBLISH_OVERFLOW'
  /** A message from the wire can't be used. */
  | 'TWQ_MESSAGE_MALFORMED'
  /** A value has no JSON form; the message names the path. */
  | 'TWQ_UNSERIALISABLE'
  /** No task of this name is registered. */
  | 'TWQ_UNKNOWN_TASK'
  /** The arguments do not match the task's parameters. */
  | 'TWQ_ARGUMENTS'
  /** The task ended in FAILURE or REVOKED; `cause` holds the remote error. */
  | 'TWQ_TASK_FAILED'
  /** No result arrived within the timeout. */
  | 'TWQ_RESULT_TIMEOUT'
  /** The result backend can't be reached, or refused a request. */
  | 'TWQ_RESULT_BACKEND'
  /** The result backend refused the user, the password or the database, or its certificate can't be trusted. */
  | 'TWQ_RESULT_BACKEND_LOGIN'
  /** The result backend has a value of another type under a key, or refused a value for its size; retrying does not help. */
  | 'TWQ_RESULT_REFUSED'
  /** The result can't be read from here. */
  | 'TWQ_RESULT_UNAVAILABLE'
  /** The result backend does not support chords. */
  | 'TWQ_CHORD_UNSUPPORTED'
  /** No worker answered a remote-control request. */
  | 'TWQ_NO_WORKER'
  /** A worker answered a remote-control request with an error. */
  | 'TWQ_CONTROL'
  /** A command about schedules was refused; the message says why. */
  | 'TWQ_SCHEDULE'
  /** No worker leads the schedules, so none can answer a command about them. */
  | 'TWQ_SCHEDULES_NO_LEADER'
  /** The attempt reached its soft time limit. */
  | 'TWQ_SOFT_LIMIT'
  /** A thread or process of the pool could not be started, or registered other tasks than the worker. */
  | 'TWQ_POOL'
  /** A plugin could not be started, misused `next`, or failed a send; the message names it. */
  | 'TWQ_PLUGIN'
  /** The task was revoked while it ran, and has to stop. */
  | 'TWQ_REVOKED'
  /** The worker is shutting down and the grace period is over. */
  | 'TWQ_SHUTTING_DOWN'
  /** The pid file can't be written, or names a running process. */
  | 'TWQ_PIDFILE'
  /** A message names more queues that would have to be declared than `queueCreation` allows. */
  | 'TWQ_QUEUE_CREATION'
  /** The file of `statedb` can't be written. */
  | 'TWQ_STATEDB'
  /** The worker can't listen on the address for probes. */
  | 'TWQ_HEALTH_ADDRESS'
  /** The monitor can't listen on its address. */
  | 'TWQ_MONITOR_ADDRESS'
  /** No message with this id is kept beside the queue. */
  | 'TWQ_MESSAGE_MISSING'
  /** A file that would be written already exists. */
  | 'TWQ_EXISTS'
  /** The object was closed and can't be used any more. */
  | 'TWQ_CLOSED'
  /** twq was put into a bundle, where it can't find its own files. */
  | 'TWQ_BUNDLED'
  /** A bug in twq. */
  | 'TWQ_INTERNAL'

const BRAND = Symbol.for('twq.error')

/** The one error class of twq: what happened, with the value; what to do next; and the original error. */
export class TwqError extends Error {
  readonly code: ErrorCode
  /** The next step; each line may hold a command to paste. */
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TwqError'
    this.code = code
    this.hint = options.hint
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** Recognises our errors by brand, so a second copy of the package is no obstacle; with codes, only those. */
  static is(error: unknown, ...codes: ErrorCode[]): error is TwqError {
    if (typeof error !== 'object' || error === null) return false
    try {
      return BRAND in error && (codes.length === 0 || codes.includes((error as unknown as TwqError).code))
    } catch {
      // A proxy that refuses to be asked is none of ours.
      return false
    }
  }
}

/** The text of a thrown value. Never throws itself. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return `an unprintable ${typeof thrown}`
  }
}

/** The hint of a thrown value; undefined for one that has none. */
export function hintOf(thrown: unknown): string | undefined {
  return TwqError.is(thrown) ? thrown.hint : undefined
}
