/** The equivalent of an attribute of Celery's tasks in `defineTask`. */
const HERE: Readonly<Record<string, string>> = {
  acks_late: "acks: 'late', or 'early'",
  acks_on_failure_or_timeout: 'ackOnFailure and ackOnTimeout',
  autoretry_for: "retry: { on: ['IOError'] }; without `on`, every error",
  default_retry_delay: "retry: { delay: { base: '1s' } }",
  dont_autoretry_for: "retry: { never: ['ValueError'] }",
  ignore_result: 'ignoreResult: true',
  kwargs: 'positional: [names]; named arguments come as one object',
  max_retries: 'retry: { limit: 3 }',
  pydantic: 'schema, of zod, valibot, arktype or any Standard Schema library',
  pydantic_context: 'schema, of zod, valibot, arktype or any Standard Schema library',
  pydantic_dump_kwargs: 'schema, of zod, valibot, arktype or any Standard Schema library',
  pydantic_strict: 'schema, of zod, valibot, arktype or any Standard Schema library',
  rate_limit: "rateLimit: '10/m'",
  reject_on_worker_lost: 'rejectOnLost: true',
  retry_backoff: 'retry: { delay: { base, factor } }; it doubles unless said otherwise',
  retry_backoff_max: "retry: { delay: { max: '10m' } }",
  retry_jitter: 'retry: { delay: { jitter: false } }; true unless said otherwise',
  retry_kwargs: 'retry: { limit, delay }',
  soft_time_limit: "timeLimit: { soft: '4m' }",
  time_limit: "timeLimit: { hard: '5m' }",
  track_started: 'trackStarted: true',
}

/** Why others have none, and what to do instead. */
const NOT_HERE: Readonly<Record<string, string>> = {
  after_return: 'end `run` with a `finally`',
  abstract: 'there are no task classes: share a function',
  backend: 'the worker has one: `resultBackend` of its configuration',
  base: 'there are no task classes: share a function',
  before_start: '`run` begins with it',
  bind: '`run(args, ctx)` always gets its context',
  countdown: 'the sender says it: client.send(task, args, { countdown })',
  delivery_mode: 'tasks are persistent, always',
  exchange: 'the queue has it: `queues: [{ name, exchange }]` of the configuration',
  on_failure: 'catch the error in `run`, or send a signature with `.set({ linkError })`',
  on_retry: 'catch the error in `run`, and call ctx.retry({ cause }) after it',
  on_success: 'end `run` with it, or send a signature with `.set({ link })`',
  on_timeout: 'listen to `ctx.signal`, which aborts at the soft limit',
  request: '`run(args, ctx)` has it as ctx.request',
  Request: 'requests are made by the worker',
  request_stack: '`run(args, ctx)` has it as ctx.request',
  resultrepr_maxsize: 'what monitors are shown is cut by the worker',
  routing_key: 'the queue has it: `queues: [{ name, routingKey }]` of the configuration',
  send_events: 'the worker says it: `events` of its configuration',
  serializer: 'JSON is written and read, always',
  shared: 'what a module exports is registered',
  store_eager_result: '`runTask` of twq/testing returns the result',
  store_errors_even_if_ignored: 'a task with `ignoreResult` stores nothing',
  Strategy: 'messages are taken in by the worker',
  throws: 'every failed task is logged with its stack trace',
  trail: 'the tasks that a task sends are always listed among its children',
  typing: '`positional` and `schema` say which arguments there are',
}

/** Every known attribute: its equivalent, or why it has none. */
export const celeryAttributes = { here: HERE, notHere: NOT_HERE }

/** The hint for a setting that is an attribute of Celery's tasks; undefined for any other. */
export function celeryAttribute(key: string): string | undefined {
  if (Object.hasOwn(HERE, key)) return `${key} is Celery's; here: ${HERE[key]}`
  return Object.hasOwn(NOT_HERE, key) ? `${key} is Celery's, and not a setting here: ${NOT_HERE[key]}` : undefined
}
