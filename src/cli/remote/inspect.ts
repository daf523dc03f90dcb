import type { WatchFlags } from '../flags/watch-flags.ts'
import { note, print, terminalStyle, wantsJson } from '../terminal/output.ts'
import { type Sight, shownOrWatched } from '../terminal/watch.ts'
import { openControlClient, type RemoteFlags, readArguments } from './ask-workers.ts'
import { detailsByNode, pingTable, type Replies, repliesAsJson, repliesByNode } from './inspect-report.ts'
import type { RemoteCommand } from './remote-commands.ts'
import { countTasks, emptyText, taskTable } from './task-tables.ts'

/** The flags of `twq inspect …`. */
export interface InspectFlags extends RemoteFlags, WatchFlags {
  /** Of `conf`: also what is at its default. */
  readonly withDefaults?: boolean
}

/**
 * `twq inspect …`: asks the workers of the broker, Python's and ours, and prints their answers. 69
 * when there is none, or when one that was named is silent.
 */
export async function inspect(command: RemoteCommand, typed: readonly unknown[], flags: InspectFlags): Promise<number> {
  const args = { ...readArguments(command, typed), ...(flags.withDefaults && { with_defaults: true }) }
  return await shownOrWatched(flags, async (how) => {
    await using line = await openControlClient(`inspect ${command.name}`, how)
    const replies = await line.ask(command.method, args)
    return { ...seen(command.method, replies), document: repliesByNode(replies), status: line.exitStatus(replies) }
  })
}

/** `twq status`: the workers that are there; 69 when there is none. */
export async function status(flags: RemoteFlags): Promise<number> {
  await using line = await openControlClient('status', flags)
  const replies = await line.ask('ping')
  if (wantsJson(flags)) print(repliesAsJson(replies))
  else print(pingTable(replies, terminalStyle()))
  note(replies.size === 1 ? '1 node online' : `${replies.size} nodes online`, flags)
  return line.exitStatus(replies)
}

/** The answers for people, and the remark in place of an empty list. */
function seen(method: string, replies: Replies): Pick<Sight, 'text' | 'remark'> {
  const empty = emptyText(method)
  if (method === 'ping') return { text: pingTable(replies, terminalStyle()) }
  if (empty === undefined) return { text: detailsByNode(replies) }
  if (countTasks(method, replies) > 0) return { text: taskTable(method, replies, Date.now(), terminalStyle()) }
  return { text: '', remark: `${empty} on ${[...replies.keys()].sort().join(', ')}` }
}
