import { anExample, type Example } from './an-example.ts'
import { Program, readyOrClosed } from './program.ts'
import { run } from './provision/command.ts'
import { pythonWithDjango } from './provision/django.ts'
import { freePort } from './provision/free-ports.ts'
import type { Python } from './provision/python.ts'
import { pollUntil } from './until.ts'

/** What the page is told about an order. */
export interface SeenOrder {
  readonly id: number
  readonly state: 'new' | 'invoiced' | 'failed'
  readonly invoice: string
}

/** The site of examples/django, with a database of its own, used as its page does. */
export class DjangoSite implements AsyncDisposable {
  /** The URL of its page. */
  readonly page: string
  readonly example: Example
  readonly program: Program
  readonly #python: Python
  readonly #env: Readonly<Record<string, string>>
  #cookie = ''

  private constructor(example: Example, python: Python, env: Readonly<Record<string, string>>, port: number) {
    this.example = example
    this.page = `http://127.0.0.1:${port}/`
    this.#python = python
    this.#env = env
    this.program = this.manage('runserver', '--noreload', `127.0.0.1:${port}`)
  }

  /** Starts it on a copy of the example, with this broker. */
  static async start(broker: string): Promise<DjangoSite> {
    const example = anExample('django')
    const found = await pythonWithDjango()
    const env = { ...found.env, CELERY_BROKER_URL: broker }
    await run(found.command, ['manage.py', 'migrate'], { cwd: example.folder, env: { ...process.env, ...env } })
    const site = new DjangoSite(example, found, env, await freePort())
    await readyOrClosed(site, site.#answers())
    return site
  }

  /** A command of its manage.py. */
  manage(...args: readonly string[]): Program {
    return this.python('manage.py', ...args)
  }

  /** A Python program in its folder, with its settings. */
  python(...args: readonly string[]): Program {
    return new Program(this.#python.command, args, { cwd: this.example.folder, env: this.#env })
  }

  /** Fills in the form of its page, and sends it. */
  async post(fields: Readonly<Record<string, string>>): Promise<Response> {
    const page = await fetch(this.page)
    const [cookie = this.#cookie] = page.headers.getSetCookie().map((one) => one.split(';')[0]!)
    this.#cookie = cookie
    const token = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(await page.text())?.[1] ?? ''
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: token })
    return await fetch(new URL('orders', this.page), { method: 'POST', body, headers: { cookie, referer: this.page } })
  }

  /** Places an order, and answers with the path at which it is told of. */
  async order(fields: Readonly<Record<string, string>> = {}): Promise<string> {
    const response = await this.post({ customer: 'Ada', country: 'DE', cents: '1999', ...fields })
    return ((await response.json()) as { url: string }).url
  }

  async look(path: string): Promise<SeenOrder> {
    return (await (await fetch(new URL(path, this.page))).json()) as SeenOrder
  }

  /** Looks until the order has this state. */
  until(path: string, state: SeenOrder['state']): Promise<SeenOrder> {
    return pollUntil(
      `the order ${path}`,
      () => this.look(path),
      (order) => order.state === state,
    )
  }

  /** Django says that it starts before it listens. */
  async #answers(): Promise<void> {
    const asked = () =>
      fetch(this.page).then(
        ({ status }) => status,
        ({ cause }: Error) => String(cause),
      )
    const ended = this.program.exit.then(() =>
      Promise.reject(new Error(`the site ended:\n${this.program.lines.tail()}`)),
    )
    await Promise.race([pollUntil(this.page, asked, (status) => status === 200), ended])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
    this.example[Symbol.dispose]()
  }
}
