import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Program } from './program.ts'
import { startPython } from './python.ts'
import { brokerUrl } from './services.ts'

const FOLDER = join(import.meta.dirname, '../../examples/flask')
const POLL_INTERVAL = 100

/** What the page is told about a task. */
export interface Seen {
  readonly state: string
  readonly ready: boolean
  readonly value?: unknown
  readonly error?: { readonly type: string; readonly message: string }
}

/** The application of examples/flask in a process of its own, used as its page does. */
export class FlaskApp implements AsyncDisposable {
  /** The URL of its page. */
  readonly page: string
  readonly #program: Program

  private constructor(program: Program, page: string) {
    this.#program = program
    this.page = page
  }

  /** Starts it; `env` is what its README says of the environment. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<FlaskApp> {
    const program = await startPython(
      ['-m', 'flask', '--app', 'app', 'run', '--port', '0'],
      { broker: brokerUrl(), env: { CELERY_BROKER_URL: brokerUrl(), ...env } },
      { cwd: FOLDER },
    )
    return new FlaskApp(program, /http:\S+/.exec(await program.until('Running on'))![0])
  }

  post(name: string, fields: Readonly<Record<string, unknown>> = {}, signal?: AbortSignal): Promise<Response> {
    const form = new URLSearchParams()
    for (const [field, value] of Object.entries(fields)) form.set(field, String(value))
    return fetch(new URL(`/tasks/${name}`, this.page), { method: 'POST', body: form, ...(signal && { signal }) })
  }

  /** Starts a task, and answers with the path at which its state is told. */
  async send(name: string, fields?: Readonly<Record<string, unknown>>): Promise<string> {
    const response = await this.post(name, fields)
    const { url } = (await response.json()) as { url: string }
    return url
  }

  /** Polls until the task is done: each thing seen once, in order, from the first that a worker said. */
  async follow(path: string): Promise<Seen[]> {
    const seen: Seen[] = []
    for (;;) {
      const now = (await (await fetch(new URL(path, this.page))).json()) as Seen
      if (now.state !== 'PENDING' && JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now)
      if (now.ready) return seen
      await pause(POLL_INTERVAL)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}
