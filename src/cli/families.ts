import type { Command } from 'commander'
import type { Exit } from './terminal/exit-codes.ts'

/** The commands that begin with one word. */
export interface Family {
  /** One line, for the list of commands. */
  readonly description: string
  /** Imports what `add` of this family needs. */
  load(): Promise<AddFamily>
}

/** Adds arguments, flags and further words to the command of a family; `exit` hears the status that it ends with. */
export type AddFamily = (command: Command, exit: Exit) => void

/** Families of commands by the word they begin with, in the order that the help shows them. */
export type Families = Readonly<Record<string, Family>>

/** Every family. The list of commands is shown without importing one. */
export const families: Families = {
  init: {
    description: 'write a new project: a task and its test, the configuration, a Dockerfile and a compose file',
    load: async () => (await import('./init/command.ts')).addInit,
  },
  dev: {
    description: 'run a worker for development: built-in broker, reload on save, one line per task',
    load: async () => (await import('./dev/command.ts')).addDev,
  },
  broker: {
    description: 'run the built-in broker, in memory only, for development and tests',
    load: async () => (await import('./broker/command.ts')).addBroker,
  },
  worker: {
    description: 'start a worker; list, check, pause, drain and stop workers',
    load: async () => (await import('./worker/command.ts')).addWorker,
  },
  task: {
    description: 'send, run, list and revoke tasks; read results; say why a task does not run',
    load: async () => (await import('./task/command.ts')).addTask,
  },
  inspect: {
    description: 'query the workers on the broker, Python or TypeScript',
    load: async () => (await import('./remote/command.ts')).addInspect,
  },
  control: {
    description: 'send remote-control commands to the workers on the broker',
    load: async () => (await import('./remote/command.ts')).addControl,
  },
  status: {
    description: 'list the workers that answer; exit with 69 if none does',
    load: async () => (await import('./remote/command.ts')).addStatus,
  },
  events: {
    description: 'print the events of workers and tasks live, one line each',
    load: async () => (await import('./events/command.ts')).addEvents,
  },
  top: {
    description:
      'live view of workers, queues and tasks, with keys to sort, filter and revoke; in a pipe, a table every 5 s',
    load: async () => (await import('./events/command.ts')).addTop,
  },
  monitor: {
    description: 'serve a live web page of workers, tasks, queues and schedules',
    load: async () => (await import('./monitor/command.ts')).addMonitor,
  },
  queue: {
    description: 'show, declare, move, purge and delete queues',
    load: async () => (await import('./queue/command.ts')).addQueue,
  },
  failed: {
    description: 'list, retry, edit and drop tasks that failed for good',
    load: async () => (await import('./failed/command.ts')).addFailed,
  },
  quarantine: {
    description: 'list, replay and purge quarantined messages',
    load: async () => (await import('./quarantine/command.ts')).addQuarantine,
  },
  schedule: {
    description: 'show, set, pause and trigger schedules',
    load: async () => (await import('./schedule/command.ts')).addSchedule,
  },
  doctor: {
    description: 'check the configuration, tasks, broker, queues and other workers for problems',
    load: async () => (await import('./doctor/command.ts')).addDoctor,
  },
  completion: {
    description: 'print a script for shell completion with TAB: eval "$(twq completion bash)"',
    load: async () => (await import('./completion/command.ts')).addCompletion,
  },
}
