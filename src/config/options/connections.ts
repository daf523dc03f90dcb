import type { ResultBackendDefinition } from '../../results/definition.ts'
import { DEFAULT_BROKER } from '../../runtime/default-broker.ts'
import { option } from './option.ts'
import { duration, type Parser, text, yesOrNo } from './parsers.ts'

/** Where messages and results go. */
export const connectionOptions = {
  /** AMQP URL, read as Celery reads it: a path of `//` is the virtual host `/`. */
  broker: option({
    default: DEFAULT_BROKER,
    env: 'TWQ_BROKER',
    celeryEnv: [{ name: 'CELERY_BROKER_URL' }, { name: 'BROKER_URL', old: true }],
    flag: { short: '-b', long: '--broker', placeholder: '<url>', of: 'all' },
    parser: text("a URL like 'amqp://user:password@host:5672//'", (url) =>
      /^(amqps?|pyamqp|librabbitmq):\/\//i.test(url) ? url : undefined,
    ),
    isUrl: true,
    doc: 'the URL of RabbitMQ; a path of `//` is the virtual host `/`',
  }),
  /** `'rpc://'` sends results to the caller's reply queue; `'redis://…'` stores them in Redis; `'none'` discards them. Or a backend of your own. */
  resultBackend: option({
    default: 'rpc://',
    env: 'TWQ_RESULT_BACKEND',
    celeryEnv: [{ name: 'CELERY_RESULT_BACKEND' }],
    flag: { long: '--result-backend', placeholder: '<url>', of: 'all' },
    parser: resultBackend(),
    isUrl: true,
    doc: "`rpc://` sends results to the reply queue of the task's sender; `redis://` stores them in Redis; `none` discards them",
  }),
  /** How long Redis keeps results; 0 keeps them forever. Celery's `result_expires`. */
  resultExpires: option({
    default: '1d',
    env: 'TWQ_RESULT_EXPIRES',
    parser: duration(),
    doc: 'how long Redis keeps results; `0` keeps them forever',
  }),
  /** Whether results in Redis also hold the task's name and arguments, its worker and queue. Celery's `result_extended`. */
  resultExtended: option({
    default: false,
    env: 'TWQ_RESULT_EXTENDED',
    parser: yesOrNo(),
    doc: "results in Redis also hold the task's name and arguments, its worker and queue",
  }),
  /** The prefix of result keys in Redis: Celery's `global_keyprefix`. */
  resultKeyPrefix: option({
    default: '',
    env: 'TWQ_RESULT_KEY_PREFIX',
    parser: text('a text without blanks', (prefix) => (/\s/.test(prefix) ? undefined : prefix)),
    doc: "the prefix of result keys in Redis; Celery's `global_keyprefix`",
  }),
  /** How long the worker retries storing a result before it stops taking tasks; it keeps retrying after that. */
  resultPatience: option({
    default: '1m',
    env: 'TWQ_RESULT_PATIENCE',
    parser: duration(1_000),
    doc: 'how long the worker retries storing a result before it stops taking tasks; it keeps retrying after that',
  }),
}

// Any text: `ConfigSources.resultBackends` has those that name a backend.
function resultBackend(): Parser<string | ResultBackendDefinition> {
  return {
    expected: 'the name or URL of a result backend, or in a file a backend of your own',
    fromValue: (value) => (typeof value === 'string' || isResultBackend(value) ? value : undefined),
    fromText: (text) => text,
  }
}

function isResultBackend(value: unknown): value is ResultBackendDefinition {
  if (typeof value !== 'object' || value === null) return false
  const { shown, openBackend } = value as Partial<ResultBackendDefinition>
  return typeof shown === 'string' && typeof openBackend === 'function'
}
