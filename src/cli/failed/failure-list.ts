import type { FailedMessage } from '../../queues/failed.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { type Column, JsonList, print, table, terminalStyle, wantsJson } from '../terminal/output.ts'

/** As many rows make one table: a longer list is printed in parts. */
const ROWS_OF_A_TABLE = 1_000

type Row = Pick<FailedMessage, 'id' | 'task' | 'reason' | 'detail' | 'time' | 'attempts'>

const COLUMNS: readonly Column<Row>[] = [
  { title: 'TIME', cell: ({ time }) => time },
  { title: 'TASK', cell: ({ task }) => task ?? '-' },
  { title: 'ID', cell: ({ id }) => id ?? '-' },
  { title: 'TRIES', align: 'right', cell: ({ attempts }) => String(attempts) },
  { title: 'ERROR', cell: ({ reason }) => reason },
  { title: 'DETAIL', cell: ({ detail }) => detail, elastic: true },
]

/** Takes the failures to show: for programs each is printed as it comes, for people they make tables of a thousand rows. */
export function failureList(flags: GlobalOptions): { add(message: FailedMessage): void; end(): void } {
  if (wantsJson(flags)) {
    const list = new JsonList()
    return { add: (message) => list.add(rowOf(message)), end: () => list.end() }
  }
  let rows: Row[] = []
  const flush = (): void => {
    if (rows.length > 0) print(table(rows, COLUMNS, terminalStyle()))
    rows = []
  }
  return {
    // Without its message, which may be large.
    add({ id, task, reason, detail, time, attempts }) {
      rows.push({ id, task, reason, detail, time, attempts })
      if (rows.length >= ROWS_OF_A_TABLE) flush()
    },
    end: flush,
  }
}

/** Collects the failures of one look. */
export function failuresSeen() {
  const rows: Row[] = []
  const document: ReturnType<typeof rowOf>[] = []
  return {
    get count(): number {
      return rows.length
    },
    add(message: FailedMessage): void {
      const { id, task, reason, detail, time, attempts } = message
      rows.push({ id, task, reason, detail, time, attempts })
      document.push(rowOf(message))
    },
    end: () => ({ document, text: rows.length === 0 ? '' : table(rows, COLUMNS, terminalStyle()) }),
  }
}

/** A failure for programs: without its message, and without tracebacks. */
function rowOf(message: FailedMessage) {
  const { id, task, reason, detail, time, node, queue, attempts, rerun, outcome, started, first, part, starts } =
    message
  const { argsrepr, kwargsrepr } = message.original?.message.headers ?? {}
  return {
    id,
    task,
    error: reason,
    detail,
    time,
    node,
    queue,
    attempts,
    rerun,
    outcome,
    started,
    first_error: first && { error: first.type, detail: first.detail, time: new Date(first.at).toISOString() },
    kept: part,
    starts,
    args: typeof argsrepr === 'string' ? argsrepr : undefined,
    kwargs: typeof kwargsrepr === 'string' ? kwargsrepr : undefined,
  }
}
