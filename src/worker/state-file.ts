import { readFile, rename, writeFile } from 'node:fs/promises'
import { messageOf, TwqError } from '../errors.ts'
import type { Logger } from '../runtime/logger.ts'
import type { SavedRevocations } from './revocations.ts'

/** The file in which a worker keeps what must outlive it: its revocations. Written whole or not at all. */
export class StateFile {
  readonly #path: string
  readonly #logger: Logger
  #writing: Promise<void> | undefined
  #next: (() => SavedRevocations) | undefined

  constructor(path: string, logger: Logger) {
    this.#path = path
    this.#logger = logger
  }

  /** What the last worker left; undefined without a file. Rejects with `TWQ_CONFIG` when it can't be read or understood. */
  async load(): Promise<SavedRevocations | undefined> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw this.#unusable(error)
    }
    try {
      const saved = (JSON.parse(text) as { revoked?: unknown }).revoked
      if (!isSaved(saved)) throw new Error('it is not a state file of twq')
      return saved
    } catch (error) {
      throw this.#unusable(error)
    }
  }

  /** Writes what `state` gives when its turn comes; calls in between are one. */
  save(state: () => SavedRevocations): void {
    this.#next = state
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const text = JSON.stringify({ version: 1, revoked: this.#next() })
      this.#next = undefined
      const draft = `${this.#path}.${process.pid}.tmp`
      try {
        await writeFile(draft, `${text}\n`)
        await rename(draft, this.#path)
      } catch (error) {
        this.#logger.error(
          { event: 'state.unsaved', path: this.#path, error: messageOf(error) },
          'revocations are not saved',
        )
      }
    }
  }

  #unusable(cause: unknown): TwqError {
    return new TwqError('TWQ_CONFIG', `the state file ${this.#path} can't be used: ${messageOf(cause)}`, {
      hint: 'Delete it to start without revocations, or name another one with --statedb.',
      cause,
    })
  }
}

function isSaved(value: unknown): value is SavedRevocations {
  if (typeof value !== 'object' || value === null) return false
  const { ids, stamps } = value as Partial<SavedRevocations>
  return isListOf(ids, 1) && isListOf(stamps, 2)
}

/** True for rows of so many texts and a moment. */
function isListOf(rows: unknown, texts: number): boolean {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) &&
    row.length === texts + 1 &&
    row.slice(0, texts).every((text) => typeof text === 'string') &&
    Number.isFinite(row[texts])
  return Array.isArray(rows) && rows.every(isRow)
}
