import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { exitOf, type GuardedOptions, killGroup, signalGroup, spawnGuarded } from './provision/guarded.ts'
import { Journal } from './until.ts'

/** How a program ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child program read line by line. It cannot outlive the tests; close it with `await using`. */
export class Program implements AsyncDisposable {
  /** Lines of standard output. */
  readonly output = new Journal<string>()
  /** Lines of standard output and standard error. */
  readonly lines = new Journal<string>()
  /** Resolves when it has ended and everything it wrote has been read. */
  readonly exit: Promise<Exit>
  readonly #child: ChildProcess

  constructor(command: string, args: readonly string[], options: GuardedOptions = {}) {
    this.#child = spawnGuarded(command, args, options)
    const closed = [
      this.#read(this.#child.stdout, (line) => this.output.push(line)),
      this.#read(this.#child.stderr, () => {}),
    ]
    this.exit = Promise.all([exitOf(this.#child), ...closed]).then(([exit]) => {
      const how = exit.signal ? `signal ${exit.signal}` : `status ${exit.code}`
      const ended = new Error(`${[command, ...args].join(' ')} ended with ${how}:\n${this.lines.tail()}`)
      this.lines.end(ended)
      this.output.end(ended)
      return exit
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The first line, of either stream, that holds this text or matches this pattern. */
  until(pattern: string | RegExp): Promise<string> {
    return this.lines.until((line) => (typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line)))
  }

  /** Writes to its standard input, for a program started with `stdin: 'pipe'`. */
  write(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Writes to its standard input and closes it. */
  end(text = ''): void {
    this.#child.stdin?.end(text)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Freezes it with its children, as a machine that hangs. */
  pause(): void {
    signalGroup(this.#child, 'SIGSTOP')
  }

  resume(): void {
    signalGroup(this.#child, 'SIGCONT')
  }

  /** Kills it with its children. */
  async [Symbol.asyncDispose](): Promise<void> {
    await killGroup(this.#child)
    await this.exit
  }

  async #read(stream: NodeJS.ReadableStream | null, hear: (line: string) => void): Promise<void> {
    if (!stream) return
    for await (const line of createInterface({ input: stream })) {
      hear(line)
      this.lines.push(line)
    }
  }
}

/** Waits until it is ready; closes it, and says why, when it never is. */
export async function readyOrClosed(started: AsyncDisposable, ready: Promise<unknown>): Promise<void> {
  try {
    await ready
  } catch (error) {
    await started[Symbol.asyncDispose]()
    throw error
  }
}
