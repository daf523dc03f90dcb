import { type Program, readyOrClosed } from './program.ts'
import { type CelerySettings, startPython } from './python.ts'

/** An exception that Python raised, as it describes itself. */
export class PythonError extends Error {
  /** The class: `ValueError`. */
  readonly type: string
  readonly module: string
  /** The class and all that it derives from. */
  readonly bases: readonly string[]
  readonly args: readonly unknown[]
  readonly traceback: string

  constructor(raised: Raised) {
    super(raised.message)
    this.name = 'PythonError'
    this.type = raised.type
    this.module = raised.module
    this.bases = raised.bases
    this.args = raised.args
    this.traceback = raised.traceback
  }
}

/** How a task is sent: the options of Celery's `apply_async`. */
export interface PythonSendOptions {
  readonly queue?: string
  readonly countdown?: number
  readonly eta?: string
  readonly expires?: number
  readonly task_id?: string
  readonly priority?: number
  readonly headers?: Readonly<Record<string, unknown>>
  readonly [option: string]: unknown
}

/** One state message of a task, as Celery decoded it. */
export interface SeenState {
  readonly task_id: string
  readonly status: string
  readonly result: unknown
  readonly traceback: unknown
  readonly children: unknown
}

/** A Celery client in Python: one process for many calls, because importing Celery takes a second. Calls run in turn. */
export class PythonCaller implements AsyncDisposable {
  readonly #program: Program
  #calls = 0

  private constructor(program: Program) {
    this.#program = program
  }

  static async start(settings: CelerySettings): Promise<PythonCaller> {
    const program = await startPython(['caller.py'], settings, { stdin: 'pipe' })
    await readyOrClosed(program, program.until('ready'))
    return new PythonCaller(program)
  }

  /** `app.send_task(name, args, kwargs, **options)`; answers with the id. */
  async sendTask(
    name: string,
    args: readonly unknown[] = [],
    options: PythonSendOptions & { readonly kwargs?: Readonly<Record<string, unknown>> } = {},
  ): Promise<string> {
    return (await this.call('send_task', { name, args, ...options })) as string
  }

  /** Sends the same task many times; answers with the ids. */
  async sendMany(count: number, name: string, args: readonly unknown[] = [], options: PythonSendOptions = {}) {
    return (await this.call('send_task', { name, args, count, ...options })) as string[]
  }

  /** `task.delay(*args)` for a task of proj.py; answers with the id. */
  async delay(
    name: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    return (await this.call('delay', { name, args, kwargs })) as string
  }

  /** `result.get(timeout)` in seconds; rejects with a {@link PythonError} when Python raises. */
  get(id: string, timeout = 30): Promise<unknown> {
    return this.call('get', { id, timeout })
  }

  /** The results of many tasks, in the order of the ids. */
  async getAll(ids: readonly string[], timeout = 60): Promise<unknown[]> {
    return (await this.call('get_all', { ids, timeout })) as unknown[]
  }

  /** Waits for the end of a task; answers with every state message that arrived until then. Once it waits, it sends `opener`. */
  async watch(id: string, { timeout = 30, opener }: { timeout?: number; opener?: string } = {}): Promise<SeenState[]> {
    return (await this.call('watch', { id, timeout, ...(opener && { opener }) })) as SeenState[]
  }

  async state(id: string): Promise<{ readonly state: string; readonly info: unknown }> {
    return (await this.call('state', { id })) as { state: string; info: unknown }
  }

  /** `app.control.inspect(timeout).<command>()`: the replies by worker name, or null when nobody answered. */
  async inspect(
    command: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Record<string, unknown> | null> {
    return (await this.call('inspect', { command, ...params })) as Record<string, unknown> | null
  }

  /** `app.control.broadcast(command, reply=True)`: one `{ name: reply }` for each worker that answered. */
  async broadcast(command: string, params: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>[]> {
    return (await this.call('broadcast', { command, ...params })) as Record<string, unknown>[]
  }

  /** Declares a kombu `Queue(name, Exchange(exchange, type), **options)`; rejects with a {@link PythonError} where the broker refuses it. */
  async declare(
    name: string,
    options: { readonly exchange?: string; readonly type?: string; readonly [option: string]: unknown } = {},
  ): Promise<void> {
    await this.call('declare', { name, ...options })
  }

  /**
   * A Python expression, with the operations of caller.py and `app` in scope, for what JSON can't say:
   * `repr(get(send_task("echo", [2**64, float("nan")])))`.
   */
  evaluate(expression: string): Promise<unknown> {
    return this.call('evaluate', { expression })
  }

  /** Any operation of caller.py. */
  async call(op: string, params: object): Promise<unknown> {
    const id = ++this.#calls
    this.#program.write(`${JSON.stringify({ id, op, params })}\n`)
    const start = `{"id": ${id}, `
    const line = await this.#program.output.until((text) => text.startsWith(start))
    const answer = JSON.parse(line) as { ok: unknown } | { error: Raised }
    if ('error' in answer) throw new PythonError(answer.error)
    return answer.ok
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}

interface Raised {
  readonly type: string
  readonly module: string
  readonly bases: readonly string[]
  readonly message: string
  readonly args: readonly unknown[]
  readonly traceback: string
}
