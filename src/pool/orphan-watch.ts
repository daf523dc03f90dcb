import { Worker } from 'node:worker_threads'

// Plain JavaScript: it is the whole program of a thread. The parent of an orphan is another one.
const WATCH = `
  const { ppid } = process
  setInterval(() => {
    if (process.ppid !== ppid) process.kill(process.pid, 'SIGKILL')
  }, 1000)`

/**
 * Ends this process within a second or two of its parent's end, whatever it does: a task that never looks up does not
 * hear that the worker is gone, and would compute for ever. A thread looks instead.
 */
export function endWithParent(): void {
  new Worker(WATCH, { eval: true, name: 'twq orphan watch', execArgv: [] }).unref()
}
