import type { TaskQuery } from '../store/list-tasks.ts'

/** A statement and its values. */
export interface Statement {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** The limit for counting the tasks that match a filter. */
export const MOST_COUNTED = 10_000
// The number of newest tasks with a text that are searched.
const MOST_FOUND = 10_000

/** The tables: tasks by id, their texts by words, the steps of the charts, and the actions of visitors. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    name TEXT,
    worker TEXT,
    body TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS tasks_at ON tasks (at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_state ON tasks (state, at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_name ON tasks (name, at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_worker ON tasks (worker, at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_worker_state ON tasks (worker, state, at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_name_worker ON tasks (name, worker, at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_name_worker_state ON tasks (name, worker, state, at DESC, id);
  CREATE INDEX IF NOT EXISTS tasks_name_state ON tasks (name, state, at DESC, id);
  CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(text, content='', contentless_delete=1);
  CREATE TABLE IF NOT EXISTS steps (
    span TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (span, number)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    refused INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`

/** A query with one or several exact names. */
export interface ExactQuery extends Omit<TaskQuery, 'name'> {
  readonly name?: string | readonly string[] | undefined
}

/** Whether a name is a pattern. */
export function isPattern(name: string): boolean {
  return /[*?[]/.test(name)
}

/** The existing names in order: one index step from each to the next. */
export const NAMES = `
  WITH RECURSIVE names (name) AS (
    SELECT min(name) FROM tasks
    UNION ALL
    SELECT (SELECT min(tasks.name) FROM tasks WHERE tasks.name > names.name) FROM names WHERE names.name IS NOT NULL
  )
  SELECT name FROM names WHERE name IS NOT NULL LIMIT ?
`

/** The tasks of a page, the newest first. */
export function pageOf(query: ExactQuery): Statement {
  return listed('body', query)
}

/** The numbers of the tasks of a page and their sort keys, the newest first; read from an index alone. */
export function placesOf(query: ExactQuery): Statement {
  return listed('number, at, id', query)
}

function listed(columns: string, query: ExactQuery): Statement {
  const { sql, values } = conditionsOf(query, query.before)
  return { sql: `SELECT ${columns} FROM tasks ${sql} ORDER BY at DESC, id LIMIT ?`, values: [...values, query.limit] }
}

/** How many tasks match, up to `most`. */
export function countOf(query: ExactQuery, most: number): Statement {
  const { sql, values } = conditionsOf(query, undefined)
  return { sql: `SELECT count(*) AS many FROM (SELECT 1 FROM tasks ${sql} LIMIT ?)`, values: [...values, most] }
}

function conditionsOf({ state, name, worker, text, since, until }: ExactQuery, before: string | undefined): Statement {
  const place = before === undefined ? undefined : placeIn(before)
  const words = text === undefined ? undefined : wordsOf(text)
  // Few tasks contain the text, and they are checked one by one: a plus keeps SQLite from using the indexes of the other columns.
  const by = words === undefined ? '' : '+'
  const all: readonly (readonly [sql: string, ...values: (string | number)[]] | undefined)[] = [
    state === undefined ? undefined : [`${by}state = ?`, state],
    worker === undefined ? undefined : [`${by}worker = ?`, worker],
    name === undefined
      ? undefined
      : typeof name === 'string'
        ? [`${by}name = ?`, name]
        : [`${by}name IN (SELECT value FROM json_each(?))`, JSON.stringify(name)],
    since === undefined ? undefined : [`${by}at >= ?`, since],
    until === undefined ? undefined : [`${by}at < ?`, until],
    words === undefined
      ? undefined
      : [`number IN (SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid DESC LIMIT ${MOST_FOUND})`, words],
    place === undefined ? undefined : ['at <= ? AND (at < ? OR id > ?)', place.at, place.at, place.id],
  ]
  const given = all.filter((one) => one !== undefined)
  return {
    sql: given.length === 0 ? '' : `WHERE ${given.map(([sql]) => sql).join(' AND ')}`,
    values: given.flatMap(([, ...values]) => values),
  }
}

/** Each word, or the start of one, in FTS5's syntax: inside quotes nothing is an operator. */
function wordsOf(text: string): string {
  const words = text.match(/[\p{L}\p{N}_]+/gu) ?? []
  return words.length === 0 ? '""' : words.map((word) => `"${word}"*`).join(' ')
}

function placeIn(before: string): { readonly at: number; readonly id: string } {
  const at = before.indexOf('~')
  return { at: Number(before.slice(0, at)) || 0, id: before.slice(at + 1) }
}
