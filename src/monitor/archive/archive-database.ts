import { closeSync, openSync } from 'node:fs'
import { TwqError } from '../../errors.ts'
import { matchesGlob } from '../../runtime/text/glob.ts'
import type { AuditEntry } from '../answers/actions.ts'
import type { TaskQuery } from '../store/list-tasks.ts'
import type { ChartStep } from '../store/monitor-store.ts'
import type { ArchivedChanges, ArchivedFacts, ArchivedTask, ArchivePage } from './archived.ts'
import {
  countOf,
  type ExactQuery,
  isPattern,
  MOST_COUNTED,
  NAMES,
  pageOf,
  placesOf,
  SCHEMA,
  type Statement,
} from './queries.ts'

/** The used part of the database's interface, which is that of better-sqlite3. */
interface Database {
  readonly inTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): Prepared
  close(): void
}

interface Prepared {
  run(...values: unknown[]): unknown
  get(...values: unknown[]): Readonly<Record<string, unknown>> | undefined
  all(...values: unknown[]): readonly Readonly<Record<string, unknown>>[]
}

// Deleting a task takes a tenth of a millisecond, and everything else waits meanwhile.
const DELETED_AT_ONCE = 500
// A pattern is compared with each name: the names come from the wire.
const MOST_NAMES = 2_000
// Longer than the range of the charts, for steps of a second and of a minute.
const STEPS_KEPT = { hour: 3_600, day: 1_440 } as const
// Rows of the audit. Refused logins have their own limit, so that guessing secrets evicts nothing else.
const MOST_AUDITED = 10_000
const MOST_REFUSED = 1_000

/** The position of a task in a list. */
interface Place {
  readonly number: number
  readonly at: number
  readonly id: string
}

function newestFirst(a: Place, b: Place): number {
  return b.at - a.at || (a.id < b.id ? -1 : 1)
}

/** A file of tasks, used in the archive's thread. */
export class ArchiveDatabase {
  readonly #database: Database
  readonly #statements = new Map<string, Prepared>()
  /** The number of tasks: counting millions on every request takes too long. */
  #count = 0
  /** The highest number of a task: a higher one belongs to a new task. */
  #highest = 0

  private constructor(database: Database) {
    this.#database = database
    this.#recount()
  }

  /** Opens a file, and creates it if necessary. Rejects with `TWQ_CONFIG` if the file or the package is unavailable. */
  static async open(file: string): Promise<ArchiveDatabase> {
    const { default: Open } = await import('libsql').catch((cause: unknown) => {
      throw new TwqError('TWQ_CONFIG', 'the store of the monitor needs the package libsql', {
        hint: 'npm install libsql@0.5',
        cause,
      })
    })
    try {
      // It holds arguments and results: a new file is accessible to its owner only. SQLite gives its log the same mode.
      closeSync(openSync(file, 'a', 0o600))
      const database = new Open(file) as unknown as Database
      // One process writes it; the log's content survives a crash of the process.
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
      database.exec(SCHEMA)
      return new ArchiveDatabase(database)
    } catch (cause) {
      throw new TwqError('TWQ_CONFIG', `store: ${file} can't be used as a database: ${(cause as Error).message}`, {
        cause,
      })
    }
  }

  /** Writes tasks and steps in their current state, and appends to the audit: all or nothing. */
  save({ tasks, steps, audit }: ArchivedChanges, facts: ArchivedFacts): void {
    this.#inTransaction(() => {
      for (const task of tasks) this.#put(task)
      for (const { span, ...step } of steps) {
        this.#run('INSERT OR REPLACE INTO steps VALUES (?, ?, ?)', span, step.number, JSON.stringify(step))
      }
      for (const entry of audit) {
        const refused = entry.outcome === 'refused' ? 1 : 0
        this.#run('INSERT INTO audit (at, refused, body) VALUES (?, ?, ?)', entry.at, refused, JSON.stringify(entry))
      }
      this.#run("INSERT OR REPLACE INTO facts VALUES ('facts', ?)", JSON.stringify(facts))
    })
  }

  /** The facts that were last saved. */
  facts(): ArchivedFacts | undefined {
    const row = this.#prepared("SELECT value FROM facts WHERE name = 'facts'").get()
    return row === undefined ? undefined : ({ gaps: [], ...JSON.parse(String(row.value)) } as ArchivedFacts)
  }

  /** The newest tasks, the newest last. */
  recent(limit: number): readonly ArchivedTask[] {
    return [...this.#tasks({ sql: 'SELECT body FROM tasks ORDER BY at DESC LIMIT ?', values: [limit] })].reverse()
  }

  /** The steps of the charts. */
  steps(): readonly ChartStep[] {
    return this.#prepared('SELECT span, body FROM steps')
      .all()
      .map(({ span, body }) => ({ ...JSON.parse(String(body)), span }) as ChartStep)
  }

  /** The latest actions of visitors, the newest last. */
  audit(limit: number): readonly AuditEntry[] {
    const rows = this.#prepared('SELECT body FROM audit ORDER BY number DESC LIMIT ?').all(limit)
    return rows.map(({ body }) => JSON.parse(String(body)) as AuditEntry).reverse()
  }

  /** The tasks of a page. */
  find({ name, ...query }: TaskQuery): ArchivePage {
    if (name === undefined || !isPattern(name)) return this.#page({ ...query, name })
    const all = this.#names(MOST_NAMES + 1)
    const names = all.slice(0, MOST_NAMES).filter((one) => matchesGlob(one, name))
    const limitation =
      all.length > MOST_NAMES
        ? `There are more than ${MOST_NAMES} names of tasks: the pattern was compared with the first ${MOST_NAMES}.`
        : undefined
    // Few tasks contain a text: they are found by it, and then filtered by name.
    const page = query.text === undefined ? this.#pageOfNames(names, query) : this.#page({ ...query, name: names })
    return { ...page, limitation }
  }

  #page(query: ExactQuery): ArchivePage {
    return { tasks: this.#tasks(pageOf(query)), matching: this.#matching(query, MOST_COUNTED + 1) }
  }

  /** The newest tasks of each name, merged: each name is read in order from an index. */
  #pageOfNames(names: readonly string[], query: ExactQuery): ArchivePage {
    const { limit } = query
    let newest: readonly Place[] = []
    let matching = 0
    for (const name of names) {
      const last = newest.length < limit ? undefined : newest.at(-1)
      const since = Math.max(query.since ?? 0, last?.at ?? 0)
      const found = this.#all(placesOf({ ...query, name, since }))
      newest = [...newest, ...(found as unknown as readonly Place[])].sort(newestFirst).slice(0, limit)
      if (matching <= MOST_COUNTED) matching += this.#matching({ ...query, name }, MOST_COUNTED + 1 - matching)
    }
    const tasks = newest.flatMap(({ number }) =>
      this.#tasks({ sql: 'SELECT body FROM tasks WHERE number = ?', values: [number] }),
    )
    return { tasks, matching }
  }

  /** The names of tasks, up to so many. */
  #names(most: number): readonly string[] {
    return this.#all({ sql: NAMES, values: [most] }).map(({ name }) => String(name))
  }

  #matching(query: ExactQuery, most: number): number {
    return Number(this.#all(countOf(query, most))[0]?.many)
  }

  task(id: string): ArchivedTask | undefined {
    return this.#tasks({ sql: 'SELECT body FROM tasks WHERE id = ?', values: [id] })[0]
  }

  /** How many tasks there are. */
  count(): number {
    return this.#count
  }

  /**
   * Deletes what is older than `before`, in seconds since the epoch, and steps that no chart shows any more; of tasks 500 at most.
   * False once none that is older is left.
   */
  forget(before: number, now: number): boolean {
    this.#run("DELETE FROM steps WHERE span = 'hour' AND number < ?", now - STEPS_KEPT.hour)
    this.#run("DELETE FROM steps WHERE span = 'day' AND number < ?", now / 60 - STEPS_KEPT.day)
    this.#run('DELETE FROM audit WHERE at < ?', before)
    const beyond =
      'DELETE FROM audit WHERE refused >= ? AND number <= (SELECT number FROM audit WHERE refused >= ? ORDER BY number DESC LIMIT 1 OFFSET ?)'
    this.#run(beyond, 1, 1, MOST_REFUSED)
    this.#run(beyond, 0, 0, MOST_AUDITED)
    const rows = this.#all({ sql: 'SELECT number FROM tasks WHERE at < ? LIMIT ?', values: [before, DELETED_AT_ONCE] })
    this.#inTransaction(() => {
      for (const { number } of rows) {
        this.#run('DELETE FROM texts WHERE rowid = ?', number)
        this.#run('DELETE FROM tasks WHERE number = ?', number)
      }
    })
    this.#count -= rows.length
    this.#highest = this.#findHighest()
    return rows.length === DELETED_AT_ONCE
  }

  close(): void {
    this.#database.close()
  }

  #put(task: ArchivedTask): void {
    const { uuid: id, timestamp: at, state, name = null, worker = null } = task.state
    const body = JSON.stringify({ state: task.state, history: task.history })
    const row = this.#prepared(
      `INSERT INTO tasks (id, at, state, name, worker, body) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET at = excluded.at, state = excluded.state, name = excluded.name,
         worker = excluded.worker, body = excluded.body
       RETURNING number`,
    ).get(id, at, state, name, worker, body)
    const number = Number(row?.number)
    if (number > this.#highest) {
      this.#highest = number
      this.#count += 1
    }
    this.#run('INSERT OR REPLACE INTO texts (rowid, text) VALUES (?, ?)', number, task.text)
  }

  /** Writes all or nothing. A transaction left open would block every later one. */
  #inTransaction(write: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      write()
      this.#database.exec('COMMIT')
    } catch (error) {
      // SQLite itself has rolled back after some errors, for example a full disk.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      this.#recount()
      throw error
    }
  }

  #recount(): void {
    this.#count = Number(this.#prepared('SELECT count(*) AS many FROM tasks').get()?.many)
    this.#highest = this.#findHighest()
  }

  #findHighest(): number {
    return Number(this.#prepared('SELECT max(number) AS highest FROM tasks').get()?.highest ?? 0)
  }

  #tasks({ sql, values }: Statement): readonly ArchivedTask[] {
    const rows = this.#all({ sql, values })
    return rows.map(({ body }) => ({ ...(JSON.parse(String(body)) as Omit<ArchivedTask, 'text'>), text: '' }))
  }

  #all({ sql, values }: Statement): readonly Readonly<Record<string, unknown>>[] {
    return this.#prepared(sql).all(...values)
  }

  #run(sql: string, ...values: unknown[]): void {
    this.#prepared(sql).run(...values)
  }

  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const prepared = this.#database.prepare(sql)
    this.#statements.set(sql, prepared)
    return prepared
  }
}
