import { fork } from 'node:child_process'
import { availableParallelism, constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { deferred } from '../../runtime/time/deferred.ts'
import type { PoolKind } from '../pool-kind.ts'
import type { Member } from '../start-member.ts'

const ENTRY = fileURLToPath(new URL('../member-entry.mjs', import.meta.url))

/** One attempt at a time in each of some processes. */
export const processes: PoolKind<'processes'> = {
  name: 'processes',
  celeryNames: ['prefork'],
  where: 'processes',
  onEventLoop: false,
  concurrency: { count: availableParallelism, words: 'the processors' },
  open: (make) => make.inMembers(startProcess),
}

/** Members that are processes of their own: if one crashes or is killed by the kernel, only that one ends. */
export function startProcess(hear: (said: unknown) => void): Member {
  const child = fork(ENTRY, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [exited, disconnected] = [deferred<string>(), deferred<void>()]
  child.on('message', hear)
  child.once('exit', (code, signal) => exited.resolve(howItEnded(code, signal)))
  // Its last messages may be read after its exit.
  child.once('disconnect', () => disconnected.resolve())
  child.once('error', (error) => {
    if (child.pid !== undefined) return
    exited.resolve(error.message)
    disconnected.resolve()
  })
  return {
    name: `process ${child.pid ?? '(not started)'}`,
    pid: child.pid ?? 0,
    post(message) {
      if (child.connected) child.send(message, undefined, undefined, () => {})
    },
    kill: () => void child.kill('SIGKILL'),
    gone: disconnected.promise.then(() => exited.promise),
  }
}

/** In the wording of Celery's WorkerLostError. */
function howItEnded(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exitcode ${code}` : `signal ${constants.signals[signal]} (${signal})`
}
