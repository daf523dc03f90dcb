import { once } from 'node:events'
import { closeSync, openSync, readSync, watch, writeFileSync } from 'node:fs'

/** Reads the lines that other processes append to a file, each once, and waits for what they say. */
export class FollowedFile {
  readonly path: string
  readonly #onLine: (line: string) => void
  #position = 0
  #rest = ''

  /** Creates the file, empty. */
  constructor(path: string, onLine: (line: string) => void) {
    this.path = path
    this.#onLine = onLine
    writeFileSync(path, '')
  }

  /** Takes what was appended since the last time; half a line waits for its other half. */
  read(): void {
    const file = openSync(this.path, 'r')
    try {
      const chunk = Buffer.alloc(1 << 16)
      for (;;) {
        const size = readSync(file, chunk, 0, chunk.length, this.#position)
        if (size === 0) break
        this.#position += size
        this.#rest += chunk.toString('latin1', 0, size)
      }
    } finally {
      closeSync(file)
    }
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(Buffer.from(line, 'latin1').toString('utf8'))
  }

  /** Resolves as soon as what was read makes `condition` true; rejects, naming `what`, after `timeout` milliseconds. */
  async until(condition: () => boolean, what: string, timeout: number): Promise<void> {
    const watcher = watch(this.path)
    const signal = AbortSignal.timeout(timeout)
    try {
      for (;;) {
        this.read()
        if (condition()) return
        await once(watcher, 'change', { signal })
      }
    } catch (error) {
      if (signal.aborted) throw new Error(`gave up waiting for ${what} after ${timeout} ms`, { cause: error })
      throw error
    } finally {
      watcher.close()
    }
  }
}
