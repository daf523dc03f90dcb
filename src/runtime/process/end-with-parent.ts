import { Worker } from 'node:worker_threads'

// Plain JavaScript: it is the whole program of a thread. The parent of an orphan is another one.
const WATCH = `
  const { workerData } = require('node:worker_threads')
  setInterval(() => {
    if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
  }, 1000)`

/**
 * Ends this process, which another one has forked, when that one ends, killed perhaps: at once, or within two seconds where
 * code blocks the event loop. Nothing is cleaned up.
 */
export function endWithParent(): void {
  // The channel to the parent may have closed before there was anything to hear of it.
  if (!process.connected) end()
  process.once('disconnect', end)
  new Worker(WATCH, { eval: true, name: 'twq orphan watch', execArgv: [], workerData: process.ppid }).unref()
}

/**
 * Not by `process.exit`, which waits for the thread of Node's module hooks: while modules are loaded, that may wait for an
 * answer of this thread (Node 20).
 */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}
