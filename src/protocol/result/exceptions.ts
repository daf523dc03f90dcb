import { type ErrorCode, messageOf, TwqError } from '../../errors.ts'
import type { Json } from '../../runtime/json.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'
import { portableJson } from '../json.ts'
import { displayOf } from '../python-repr.ts'
import type { RemoteError } from '../result-record.ts'
import { RemoteTaskError } from './remote-task-error.ts'
import { isErrorLike, propertyOf, textOf } from './thrown.ts'
import { tracebackOf } from './traceback.ts'

/** The Python module of each exception that Celery itself puts into results (wire specification 4.2). */
const MODULE_OF = {
  NotRegistered: 'celery.exceptions',
  InvalidTaskError: 'celery.exceptions',
  TaskRevokedError: 'celery.exceptions',
  MaxRetriesExceededError: 'celery.exceptions',
  Retry: 'celery.exceptions',
  Reject: 'celery.exceptions',
  Ignore: 'celery.exceptions',
  ChordError: 'celery.exceptions',
  ImproperlyConfigured: 'celery.exceptions',
  BackendStoreError: 'celery.exceptions',
  EncodeError: 'kombu.exceptions',
  QueueNotFound: 'celery.exceptions',
  DecodeError: 'kombu.exceptions',
  ContentDisallowed: 'kombu.exceptions',
  TimeLimitExceeded: 'billiard.exceptions',
  SoftTimeLimitExceeded: 'billiard.exceptions',
  WorkerLostError: 'billiard.exceptions',
} as const

/** An exception class of Celery's own. */
export type CeleryErrorName = keyof typeof MODULE_OF

/**
 * One of Celery's own exceptions: `celeryError('NotRegistered', ['proj.add'])`, `celeryError('TimeLimitExceeded', [30])`
 * (seconds), `celeryError('TaskRevokedError', ['expired'])`.
 */
export function celeryError(type: CeleryErrorName, args: readonly Json[] = []): RemoteError {
  return { type, module: MODULE_OF[type], args, traceback: null }
}

/** The module named for exceptions that Python does not have; Python then creates a class of their name. */
const OWN_MODULE = 'twq.errors'

/**
 * Python's built-in exceptions that a JavaScript error may become by its name: subclasses of `Exception` that take only a message
 * and have no meaning to the interpreter itself.
 */
const BUILTINS: ReadonlySet<string> = new Set([
  'ArithmeticError',
  'AssertionError',
  'AttributeError',
  'BlockingIOError',
  'BrokenPipeError',
  'BufferError',
  'ChildProcessError',
  'ConnectionAbortedError',
  'ConnectionError',
  'ConnectionRefusedError',
  'ConnectionResetError',
  'EOFError',
  'Exception',
  'FileExistsError',
  'FileNotFoundError',
  'FloatingPointError',
  'IOError',
  'ImportError',
  'IndexError',
  'InterruptedError',
  'IsADirectoryError',
  'KeyError',
  'LookupError',
  'MemoryError',
  'ModuleNotFoundError',
  'NameError',
  'NotADirectoryError',
  'NotImplementedError',
  'OSError',
  'OverflowError',
  'PermissionError',
  'ProcessLookupError',
  'RecursionError',
  'ReferenceError',
  'RuntimeError',
  'SyntaxError',
  'SystemError',
  'TimeoutError',
  'TypeError',
  'UnicodeError',
  'ValueError',
  'ZeroDivisionError',
])

/** Our own errors that have a name in Celery. */
const CELERY_NAME_OF: Partial<Record<ErrorCode, CeleryErrorName>> = {
  TWQ_UNKNOWN_TASK: 'NotRegistered',
  TWQ_UNSERIALISABLE: 'EncodeError',
  TWQ_MESSAGE_MALFORMED: 'DecodeError',
  TWQ_SOFT_LIMIT: 'SoftTimeLimitExceeded',
}

const MAX_MESSAGE_LENGTH = 64 * 1024
/** Bytes of JSON: the arguments of another task's failure may be any value. */
const MAX_ARGS_SIZE = 1024 * 1024
const MAX_NAME_LENGTH = 255

/** One of Python's built-in exceptions, with a message of at most 64 Ki characters. */
export function pythonError(type: string, message: string): RemoteError {
  return { type, module: 'builtins', args: [boundedMessage(message)], traceback: null }
}

/** A message as an exception carries it: its first 64 Ki characters. */
export function boundedMessage(message: string): string {
  return beginningOf(message, MAX_MESSAGE_LENGTH)
}

/** The arguments of an exception as one readable text. */
export function argsText({ args }: Pick<RemoteError, 'args'>): string {
  return args.map((arg) => (typeof arg === 'string' ? arg : displayOf(arg))).join(', ')
}

/**
 * A thrown value in Celery's form. Errors with the name of a Python built-in become that; `Error` becomes `Exception`; for any
 * other name Python creates a class. Never throws, for any thrown value.
 */
export function toRemoteError(thrown: unknown): RemoteError {
  if (RemoteTaskError.is(thrown)) {
    const { type, module, args } = thrown
    return {
      type: nameOf(type) ?? 'Exception',
      module: nameOf(module),
      args: argsOf(args),
      traceback: tracebackOf(thrown),
    }
  }
  const message = boundedMessage(textOf(thrown))
  return { ...classOf(thrown), args: message === '' ? [] : [message], traceback: tracebackOf(thrown) }
}

/** The properties of such an error are chosen by user code. */
function argsOf(args: unknown): readonly Json[] {
  try {
    const values = portableJson(args, { path: 'args', maxSize: MAX_ARGS_SIZE })
    return Array.isArray(values) ? (values as readonly Json[]) : [values]
  } catch (error) {
    return [boundedMessage(messageOf(error))]
  }
}

function nameOf(name: unknown): string | null {
  return typeof name === 'string' ? beginningOf(name, MAX_NAME_LENGTH) : null
}

function classOf(thrown: unknown): Pick<RemoteError, 'type' | 'module'> {
  if (TwqError.is(thrown)) {
    if (thrown.code === 'TWQ_ARGUMENTS') return { type: 'TypeError', module: 'builtins' }
    const type = CELERY_NAME_OF[thrown.code]
    if (type !== undefined) return { type, module: MODULE_OF[type] }
  }
  const name = classNameOf(thrown)
  if (name === undefined || name === 'Error') return { type: 'Exception', module: 'builtins' }
  return { type: name, module: BUILTINS.has(name) ? 'builtins' : OWN_MODULE }
}

/** `name`, or the class's name if `name` has its default. Only if it can be the name of a class in Python. */
function classNameOf(thrown: unknown): string | undefined {
  if (!isErrorLike(thrown)) return undefined
  const candidates = [propertyOf(thrown, 'name'), propertyOf(propertyOf(thrown, 'constructor'), 'name')]
  return candidates.find((name): name is string => typeof name === 'string' && name !== 'Error' && isIdentifier(name))
}

function isIdentifier(name: string): boolean {
  return name.length <= 100 && /^[A-Za-z_]\w*$/.test(name)
}
