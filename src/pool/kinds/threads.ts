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

/** Members that are worker threads: they share the process, and each has its own event loop and heap. */
export function startThread(hear: (said: unknown) => void): Member {
  // Loading it takes Node some milliseconds, which commands and workers with other pools need not spend.
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const thread = new Worker(ENTRY, { name: 'twq member' })
  let trouble: string | undefined
  thread.on('message', hear)
  // Why a thread died: its heap is full, or its first module can't be loaded.
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
