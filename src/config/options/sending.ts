import { option } from './option.ts'
import { duration, memorySize, oneOf, text, wholeNumber } from './parsers.ts'

/** How tasks are sent, and where those with a delay wait. */
export const sendingOptions = {
  /** RabbitMQ's management API, like `http://localhost:15672`; user and password are the broker's unless it has its own. */
  management: option({
    derived: 'none',
    env: 'TWQ_MANAGEMENT',
    parser: text("a URL like 'http://localhost:15672'", (url) =>
      URL.canParse(url) && /^https?:/.test(url) ? url : undefined,
    ),
    isUrl: true,
    doc: "RabbitMQ's management API, which `twq queue list` and `twq doctor` ask for more than AMQP tells",
  }),
  /** How long a client's `send` waits for the broker's confirm. */
  publishTimeout: option({
    default: '10s',
    env: 'TWQ_PUBLISH_TIMEOUT',
    parser: duration(100),
    doc: "how long a client's `send` waits for the broker's confirm",
  }),
  /** Whether tasks may wait in Celery's native delayed delivery, and when it is declared: when it is needed, or at the start. */
  delayedDelivery: option({
    default: 'auto',
    env: 'TWQ_DELAYED_DELIVERY',
    parser: oneOf('auto', 'always', 'never'),
    doc: "tasks with long delays, and tasks of quorum queues, wait in Celery's native delayed delivery: declared when needed, at the start, or not used",
  }),
  /** The type of the queues of native delayed delivery; Celery's `broker_native_delayed_delivery_queue_type`. */
  delayedQueueType: option({
    default: 'quorum',
    env: 'TWQ_DELAYED_QUEUE_TYPE',
    parser: oneOf('quorum', 'classic'),
    doc: 'the type of its queues',
  }),
  /** No task is held in the worker longer: it waits with the broker. */
  holdFor: option({
    default: '10m',
    env: 'TWQ_HOLD_FOR',
    parser: duration(1_000),
    doc: 'how long a task waits in the worker at most; a longer delay is left to the broker',
  }),
  /** How many tasks are held in the worker at most. */
  maxHeld: option({
    default: 10_000,
    env: 'TWQ_MAX_HELD',
    parser: wholeNumber(0, 50_000, 'a whole number from 0 to 50000'),
    doc: 'how many tasks wait in the worker at most, be their delays as short as they may',
  }),
  /** How many bytes of them: a number, or a text like `'64MB'`. */
  maxHeldSize: option({
    default: '64MB',
    env: 'TWQ_MAX_HELD_SIZE',
    parser: memorySize(),
    doc: 'how large their messages may be, all together',
  }),
}
