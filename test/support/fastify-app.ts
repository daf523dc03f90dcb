import { setTimeout as pause } from 'node:timers/promises'
import { type Exit, Program } from './program.ts'

const POLL_INTERVAL = 100

/** What the page is told about a task. */
export interface Seen {
  readonly state: string
  readonly ready: boolean
  readonly value?: unknown
  readonly error?: { readonly type: string; readonly message: string }
}

/** Where to look for a task that was sent. */
export interface SentTask {
  readonly id: string
  readonly status: string
  readonly events: string
}

/** The application of examples/fastify in a process of its own, used as its page does. */
export class FastifyApp implements AsyncDisposable {
  /** The URL of its page. */
  readonly page: string
  readonly program: Program

  private constructor(program: Program, page: string) {
    this.program = program
    this.page = page
  }

  /** Starts the copy of the example in `folder`; `env` is what its README says of the environment. */
  static async start(folder: string, env: Readonly<Record<string, string>>): Promise<FastifyApp> {
    const program = new Program(process.execPath, ['--import', 'tsx', 'app.ts'], {
      cwd: folder,
      env: { PORT: '0', ...env },
    })
    return new FastifyApp(program, /http:\S+/.exec(await program.until('listening on'))![0])
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(new URL(path, this.page), init)
  }

  post(name: string, args: object = {}, signal?: AbortSignal): Promise<Response> {
    return this.fetch(`/tasks/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(args),
      ...(signal && { signal }),
    })
  }

  /** Starts a task. */
  async send(name: string, args?: object): Promise<SentTask> {
    return (await (await this.post(name, args)).json()) as SentTask
  }

  /** Polls until the task is done, and answers with the last thing seen. */
  async poll({ status }: Pick<SentTask, 'status'>): Promise<Seen> {
    for (;;) {
      const seen = (await (await this.fetch(status)).json()) as Seen
      if (seen.ready) return seen
      await pause(POLL_INTERVAL)
    }
  }

  /** Each server-sent event of a task until the stream ends, by name, with its data. */
  async events({ events }: Pick<SentTask, 'events'>): Promise<[name: string, data: unknown][]> {
    const text = await (await this.fetch(events)).text()
    return [...text.matchAll(/^event: (\w+)\ndata: (.*)\n$/gm)].map(([, name, data]) => [name!, JSON.parse(data!)])
  }

  /** Tells it to end as a service manager does, and resolves when it has. */
  async terminate(): Promise<Exit> {
    this.program.signal('SIGTERM')
    return await this.program.exit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
  }
}
