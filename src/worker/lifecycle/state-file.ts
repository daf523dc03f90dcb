import { randomUUID } from 'node:crypto'
import { open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { RevocationStore, SavedRevocations } from '../request/revocations.ts'

// Five times what a worker writes at most.
const LARGEST = 64 * 1024 * 1024
// The start of each of our files.
const BEGINNING = '{"version":'

/**
 * The file in which a worker stores what must outlive it: its revocations. Written completely or not at all, even if power fails;
 * only its owner may read it.
 */
export class StateFile implements RevocationStore {
  readonly #path: string
  readonly #logger: EventLogger
  #writing: Promise<void> | undefined
  #next: (() => SavedRevocations) | undefined

  constructor(path: string, logger: EventLogger) {
    this.#path = path
    this.#logger = logger
  }

  /**
   * What the last worker left; undefined without a file. An empty or incomplete one is renamed, with a warning. Rejects with
   * `TWQ_CONFIG` for a file that no worker wrote, and with `TWQ_STATEDB` if it can't be read or written.
   */
  async load(): Promise<SavedRevocations | undefined> {
    await this.probe()
    const text = await this.#read()
    if (text === undefined) return undefined
    if (isTorn(text)) {
      await this.#setAside()
      return undefined
    }
    const saved = savedIn(text)
    if (saved !== undefined) return saved
    throw new TwqError('TWQ_CONFIG', `the state file ${this.#path} can't be used: it is not a state file of twq`, {
      hint: 'Delete it to start without revocations, or name another one with --statedb.',
    })
  }

  /** Rejects with `TWQ_STATEDB` if the file could not be written. Leaves nothing behind. */
  async probe(): Promise<void> {
    try {
      await unlink(await this.#draft(''))
    } catch (cause) {
      throw this.#unwritable(cause)
    }
  }

  /** Writes the value of `state` after any write in progress; further calls until then are merged. */
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

  async #read(): Promise<string | undefined> {
    try {
      if ((await stat(this.#path)).size > LARGEST) throw new Error('it is larger than 64 MiB')
      return await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw this.#unwritable(error)
    }
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const text = JSON.stringify({ version: 1, revoked: this.#next() })
      this.#next = undefined
      try {
        const draft = await this.#draft(`${text}\n`)
        try {
          await rename(draft, this.#path)
        } catch (error) {
          await unlink(draft).catch(() => {})
          throw error
        }
        await syncFolder(dirname(this.#path))
      } catch (error) {
        this.#logger.error(
          { event: 'state.unsaved', path: this.#path, error: messageOf(error) },
          'revocations are not saved',
        )
      }
    }
  }

  /**
   * Writes a file beside ours and syncs it. Its random name, opened exclusively, can't be a link that another user has created.
   */
  async #draft(text: string): Promise<string> {
    const path = `${this.#path}.${randomUUID()}.tmp`
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } catch (error) {
      await unlink(path).catch(() => {})
      throw error
    } finally {
      await file.close()
    }
    return path
  }

  async #setAside(): Promise<void> {
    const kept = `${this.#path}.torn-${new Date().toISOString().replaceAll(':', '-')}`
    try {
      await rename(this.#path, kept)
    } catch (cause) {
      throw this.#unwritable(cause)
    }
    this.#logger.warn(
      { event: 'state.torn', path: this.#path, kept },
      'the state file was not written to its end: starting without the revocations in it',
    )
  }

  #unwritable(cause: unknown): TwqError {
    return new TwqError('TWQ_STATEDB', `can't keep revocations in ${this.#path}: ${messageOf(cause)}`, {
      hint: 'Name a file in a folder that this user may write to with --statedb.',
      cause,
    })
  }
}

/** Empty, zeros as a file system leaves them after a power failure, or the start of a file of ours. */
function isTorn(text: string): boolean {
  const written = text.split('\0', 1)[0]?.trim() ?? ''
  if (written === '') return true
  if (!written.startsWith(BEGINNING) && !BEGINNING.startsWith(written)) return false
  try {
    JSON.parse(text)
    return false
  } catch {
    return true
  }
}

function savedIn(text: string): SavedRevocations | undefined {
  try {
    const { revoked } = JSON.parse(text) as { revoked?: unknown }
    return isSaved(revoked) ? revoked : undefined
  } catch {
    return undefined
  }
}

/** A rename is durable once its folder is synced; not every file system allows that. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch {
    // The file itself is safe.
  }
}

function isSaved(value: unknown): value is SavedRevocations {
  if (typeof value !== 'object' || value === null) return false
  const { ids, stamps } = value as Partial<SavedRevocations>
  return isListOf(ids, 1) && isListOf(stamps, 2)
}

/** True for rows of `texts` strings and a timestamp. */
function isListOf(rows: unknown, texts: number): boolean {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) &&
    row.length === texts + 1 &&
    row.slice(0, texts).every((text) => typeof text === 'string') &&
    Number.isFinite(row[texts])
  return Array.isArray(rows) && rows.every(isRow)
}
