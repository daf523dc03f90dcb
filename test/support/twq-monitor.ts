import { fileURLToPath } from 'node:url'
import { Program } from './program.ts'
import { cleanEnvironment } from './run-twq.ts'

const TWQ = fileURLToPath(new URL('../../bin/twq.js', import.meta.url))

/** `twq monitor` in a process of its own, on a free port. */
export class TwqMonitor implements AsyncDisposable {
  readonly program: Program
  /** Without a slash at its end. */
  readonly url: string

  private constructor(program: Program, url: string) {
    this.program = program
    this.url = url
  }

  /** Starts it and waits until it listens. */
  static async start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<TwqMonitor> {
    const program = new Program(process.execPath, [TWQ, 'monitor', '--listen', '127.0.0.1:0', ...args], {
      env: { ...cleanEnvironment(), ...env } as Record<string, string>,
    })
    const line = await program.output.until((text) => text.startsWith('http://'))
    return new TwqMonitor(program, line.trim().replace(/\/$/, ''))
  }

  /** An answer of its API. */
  async get<Answer>(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, { headers })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as Answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
  }
}
