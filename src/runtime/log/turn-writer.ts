import { writeSync } from 'node:fs'

// In characters: a longer buffer is written at once.
const LARGEST_BATCH = 64 * 1024
// Milliseconds between attempts to write to a pipe that is full.
const PIPE_PAUSE = 5
const NEVER = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes text to a file descriptor once per turn of the event loop instead of once per line, which saves system calls. What is
 * still buffered is written when the process exits and its `exit` listeners run.
 */
export class TurnWriter {
  readonly #fd: number
  #batch = ''
  #scheduled = false

  constructor(fd: number) {
    this.#fd = fd
    process.on('exit', () => this.flush())
  }

  write(text: string): void {
    this.#batch += text
    if (this.#batch.length >= LARGEST_BATCH) this.flush()
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  /** Writes the buffer synchronously. */
  flush(): void {
    let rest = Buffer.from(this.#batch)
    this.#batch = ''
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (error) {
        // The reader is gone: no reason to end the process. A full pipe is retried.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        Atomics.wait(NEVER, 0, 0, PIPE_PAUSE)
      }
    }
  }
}
