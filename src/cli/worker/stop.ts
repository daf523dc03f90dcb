import { TwqError } from '../../errors.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { milliseconds } from '../flags/values.ts'
import { type ControlClient, openControlClient, type RemoteFlags } from '../remote/ask-workers.ts'
import { countTasks } from '../remote/task-tables.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note } from '../terminal/output.ts'
import { statusLine } from '../terminal/status-line.ts'

/** The flags of `twq worker stop` and `drain`. */
export interface WorkerStopFlags extends RemoteFlags {
  readonly all?: boolean
  readonly wait?: boolean
}

// The interval between two looks at workers that are stopping, in milliseconds.
const LOOK_AGAIN = 250
const NEVER = new AbortController().signal

/** `twq worker stop`: a warm shutdown, by remote control. With `--wait` 124 when time runs out before they are gone. */
export async function workerStop(node: string | undefined, flags: WorkerStopFlags): Promise<number> {
  await using line = await openControlClient('worker stop', { ...flags, destination: chosen(node, flags) })
  // Workers do not reply to `shutdown`: ping them first to learn their names.
  const nodes = [...(await line.ask('ping')).keys()].sort()
  await line.tell('shutdown', {})
  note(`asked ${nodes.join(', ')} to stop`, flags)
  if (!flags.wait) return EXIT.ok
  return await untilNone(nodes, 'has left', flags, async (left) => {
    const there = await Promise.all(left.map((name) => line.listens(name)))
    return left.filter((_name, index) => there[index])
  })
}

/** `twq worker drain`: cancels their consumers and waits until no task runs or waits there. The workers keep running. */
export async function workerDrain(node: string | undefined, flags: WorkerStopFlags): Promise<number> {
  await using line = await openControlClient('worker drain', { ...flags, destination: chosen(node, flags) })
  const consumed = await line.ask('active_queues')
  for (const [name, queues] of consumed) {
    for (const queue of Array.isArray(queues) ? queues : []) {
      await line.ask('cancel_consumer', { queue: String((queue as { name?: unknown } | null)?.name) }, [name])
    }
  }
  return await untilNone([...consumed.keys()], 'is drained', flags, (left) => busy(line, left))
}

async function busy(line: ControlClient, nodes: readonly string[]): Promise<string[]> {
  const [active, reserved] = await Promise.all([line.ask('active', {}, nodes), line.ask('reserved', {}, nodes)])
  return nodes.filter((node) =>
    [active, reserved].some((replies) => countTasks('active', new Map([[node, replies.get(node) ?? null]])) > 0),
  )
}

/** Polls until `look` returns no worker, at most for `--timeout`, and notes each one that is done. */
async function untilNone(
  nodes: readonly string[],
  end: string,
  flags: WorkerStopFlags,
  look: (nodes: readonly string[]) => Promise<readonly string[]>,
): Promise<number> {
  const patience = flags.timeout === undefined ? Number.POSITIVE_INFINITY : milliseconds('--timeout', flags.timeout)
  const deadline = systemClock.monotonic() + patience
  using line = statusLine(flags)
  let waited: readonly string[] = nodes
  while (true) {
    const left = await look(waited)
    const gone = waited.filter((node) => !left.includes(node))
    if (gone.length > 0) line.clear()
    for (const node of gone) note(`${node} ${end}`, flags)
    if (left.length === 0) return EXIT.ok
    if (systemClock.monotonic() > deadline) {
      line.clear()
      note(`still busy: ${left.join(', ')}`, flags)
      return EXIT.timeout
    }
    line.show(`waiting for ${left.join(', ')} to finish what runs`)
    await pause(systemClock, LOOK_AGAIN, NEVER)
    waited = left
  }
}

function chosen(node: string | undefined, { all = false }: WorkerStopFlags): string | undefined {
  if ((node === undefined) !== all) {
    throw new TwqError('TWQ_USAGE', 'name a worker, or say --all', { hint: 'twq worker list shows who is there.' })
  }
  return node
}
