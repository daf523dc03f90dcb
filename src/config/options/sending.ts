import { option } from './option.ts'
import { duration, memorySize, oneOf, text, wholeNumber } from './parsers.ts'

/** How tasks are sent, and where those with a delay wait. */
export const sendingOptions = {
  /** The URL of RabbitMQ's management API, like `http://localhost:15672`; without a user in it, with the user and password of `broker`. */
  management: option({
    derived: 'none',
    env: 'TWQ_MANAGEMENT',
    parser: text("a URL like 'http://localhost:15672'", (url) =>
      URL.canParse(url) && /^https?:/.test(url) ? url : undefined,
    ),
    isUrl: true,
    doc: "the URL of RabbitMQ's management API, which `twq queue list` and `twq doctor` ask for what AMQP does not tell",
  }),
  /** How long a client's `send` waits for the broker's confirm. */
  publishTimeout: option({
    default: '10s',
    env: 'TWQ_PUBLISH_TIMEOUT',
    parser: duration(100),
    doc: "how long a client's `send` waits for the broker's confirm",
  }),
  /** Whether delayed tasks wait in Celery's native delayed delivery, and when its queues are declared: when needed, or at the start. */
  delayedDelivery: option({
    default: 'auto',
    env: 'TWQ_DELAYED_DELIVERY',
    parser: oneOf('auto', 'always', 'never'),
    doc: "whether tasks with long delays, and delayed tasks of quorum queues, wait in Celery's native delayed delivery: `auto` declares it when needed, `always` at the start, `never` does not use it",
  }),
  /** The type of the queues of native delayed delivery; Celery's `broker_native_delayed_delivery_queue_type`. */
  delayedQueueType: option({
    default: 'quorum',
    env: 'TWQ_DELAYED_QUEUE_TYPE',
    parser: oneOf('quorum', 'classic'),
    doc: 'the type of the queues of native delayed delivery',
  }),
  /** The longest delay for which a task is held in the worker; tasks with a longer one wait with the broker. */
  holdFor: option({
    default: '10m',
    env: 'TWQ_HOLD_FOR',
    parser: duration(1_000),
    doc: 'the longest delay for which a task is held in the worker; tasks with a longer one wait with the broker',
  }),
  /** The most delayed tasks that the worker holds at a time; the others wait with the broker. */
  maxHeld: option({
    default: 10_000,
    env: 'TWQ_MAX_HELD',
    parser: wholeNumber(0, 50_000, 'a whole number from 0 to 50000'),
    doc: 'the most delayed tasks that the worker holds at a time, however short their delays',
  }),
  /** The most bytes that their messages may take: a number, or a text like `'64MB'`. */
  maxHeldSize: option({
    default: '64MB',
    env: 'TWQ_MAX_HELD_SIZE',
    parser: memorySize(),
    doc: 'the most bytes that the messages of these tasks may take together',
  }),
}
