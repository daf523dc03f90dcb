import type { Json } from '../../runtime/json.ts'
import { cutLines } from '../../runtime/text/cut-text.ts'
import { pythonRepr } from '../python-repr.ts'
import type { RemoteError } from '../result-record.ts'
import { propertyOf } from './thrown.ts'

const BRAND = Symbol.for('twq.remote-task-error')
/** Node's `inspect.custom`, by its name: the declarations of programs that have no types of Node compile. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/**
 * A task's failure as its caller sees it, for tasks in Python and in TypeScript. `name` is the remote exception's class name; it
 * is only text and never selects a local class.
 */
export class RemoteTaskError extends Error implements RemoteError {
  readonly type: string
  readonly module: string | null
  readonly args: readonly Json[]
  readonly traceback: string | null

  constructor(remote: RemoteError) {
    super(textOf(remote.args))
    this.name = remote.type
    this.type = remote.type
    this.module = remote.module
    this.args = remote.args
    this.traceback = remote.traceback
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** The text for `console.log` and uncaught errors: the traceback, shortened in the middle if long. */
  [INSPECT](): string {
    const here = this.stack?.replace(/^[\s\S]*?(?=\n {4}at )/, '') ?? ''
    const there =
      this.traceback === null
        ? ''
        : `\n  where it was raised:\n${indented(cutLines(this.traceback.trimEnd(), MOST_SHOWN))}`
    return `${this.name}: ${this.message}${here}${there}`
  }

  /** Recognizes these errors by a brand, so a second copy of the package works as well. */
  static is(error: unknown): error is RemoteTaskError {
    return propertyOf(error, BRAND) === true
  }
}

const MOST_SHOWN = 40

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}

/** Python's `str` of an exception with these arguments. */
function textOf(args: readonly Json[]): string {
  const [first] = args
  if (args.length === 1) return typeof first === 'string' ? first : pythonRepr(first as Json)
  return args.length === 0 ? '' : `(${args.map((arg) => pythonRepr(arg)).join(', ')})`
}
