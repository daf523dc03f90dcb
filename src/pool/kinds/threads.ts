import { availableParallelism } from 'node:os'
import { messageOf } from '../../errors.ts'
import type { PoolKind } from '../pool-kind.ts'
import type { Member } from '../start-member.ts'

const ENTRY = new URL('../member-entry.mjs', import.meta.url)

/** One attempt at a time in each of some threads. */
export const threads: PoolKind<'threads'> = {
  name: 'threads',
  where: 'threads',
  onEventLoop: false,
  concurrency: { count: availableParallelism, words: 'the processors' },
  open: (make) => make.inMembers(startThread),
}

/** Members that are worker threads: they share the process, and each has an event loop and a heap of its own. */
export function startThread(hear: (said: unknown) => void): Member {
  // Node loads it in some milliseconds, which are spared to every command, and to workers with other pools.
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const thread = new Worker(ENTRY, { name: 'twq member' })
  let trouble: string | undefined
  thread.on('message', hear)
  // What a thread dies of: its heap is full, or its first module can't be loaded.
  thread.on('error', (error) => {
    trouble = messageOf(error)
  })
  return {
    name: `thread ${thread.threadId}`,
    pid: process.pid,
    post: (message) => thread.postMessage(message),
    kill: () => void thread.terminate(),
    gone: new Promise((resolve) => {
      thread.once('exit', (code) =>
        resolve(trouble === undefined ? `exitcode ${code}` : `exitcode ${code} (${trouble})`),
      )
    }),
  }
}
