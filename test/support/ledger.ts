import { appendFileSync } from 'node:fs'
import { FollowedFile } from './followed-file.ts'

/** What a task writes down of one of its runs; `at` is milliseconds since the epoch. */
export interface Start {
  readonly id: string
  readonly pid: number
  readonly redelivered: boolean
  readonly at: number
  /** The lines that workers wrote into the message each time that a copy took its place. */
  readonly history: readonly string[]
  /** When it ran to its end; undefined when it did not. */
  endedAt: number | undefined
}

/**
 * Appends one line with one write(2), so that lines never tear, whichever process writes them and however it ends:
 * a start is on record before the task does anything, an end after it did everything.
 */
export function recordStart(path: string, id: string, redelivered: boolean, history: readonly string[] = []): void {
  const lines = encodeURIComponent(JSON.stringify(history))
  appendFileSync(path, `S ${id} ${process.pid} ${redelivered ? 1 : 0} ${Date.now()} ${lines}\n`)
}

export function recordEnd(path: string, id: string): void {
  appendFileSync(path, `E ${id} ${process.pid} ${Date.now()}\n`)
}

/** What became of the tasks that were sent; see {@link Ledger.judge}. */
export interface Verdict {
  readonly sent: number
  /** How many different tasks ran to their end. */
  readonly ran: number
  /** Sent, and never ran to its end. */
  readonly lost: readonly string[]
  /** Started, and never sent. */
  readonly phantom: readonly string[]
  /** Starts beyond the first of a task. */
  readonly extraStarts: number
  /** Those of them that were not told that an earlier delivery may have started already. */
  readonly unexplained: readonly string[]
}

/** The file in which tasks write down their runs, read while they write. */
export class Ledger {
  readonly starts: Start[] = []
  readonly ended: Set<string> = new Set()
  /** The starts that have not ended yet, by process and id. */
  readonly #running = new Map<string, Start>()
  readonly #file: FollowedFile

  /** Creates the file at `path`, empty. */
  constructor(path: string) {
    this.#file = new FollowedFile(path, (line) => this.#take(line))
  }

  get path(): string {
    return this.#file.path
  }

  /** Takes what was written since the last time. */
  read(): void {
    this.#file.read()
  }

  /** Resolves once `condition` holds. */
  until(condition: (ledger: this) => boolean, what: string, timeout = 120_000): Promise<void> {
    return this.#file.until(() => condition(this), what, timeout)
  }

  /** Compares what ran with what was sent. */
  judge(sent: readonly string[]): Verdict {
    this.#file.read()
    const known = new Set(sent)
    const seen = new Set<string>()
    const again = this.starts.filter(({ id }) => seen.size === seen.add(id).size)
    return {
      sent: known.size,
      ran: sent.filter((id) => this.ended.has(id)).length,
      lost: sent.filter((id) => !this.ended.has(id)),
      phantom: [...seen].filter((id) => !known.has(id)),
      extraStarts: again.length,
      unexplained: again.filter(({ redelivered }) => !redelivered).map(({ id }) => id),
    }
  }

  #take(line: string): void {
    const [kind, id = '', pid, ...rest] = line.split(' ')
    if (kind === 'S') {
      const [redelivered, at, lines = ''] = rest
      const history: string[] = JSON.parse(decodeURIComponent(lines))
      const facts = { id, pid: Number(pid), redelivered: redelivered === '1', at: Number(at), history }
      const start: Start = { ...facts, endedAt: undefined }
      this.starts.push(start)
      this.#running.set(`${pid} ${id}`, start)
    } else if (kind === 'E') {
      this.ended.add(id)
      const start = this.#running.get(`${pid} ${id}`)
      if (start !== undefined) start.endedAt = Number(rest[0])
      this.#running.delete(`${pid} ${id}`)
    } else throw new Error(`not a ledger line: ${line}`)
  }
}
