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
    description: 'develop: a broker, a worker that reloads, and a line for each task',
    load: async () => (await import('./dev/command.ts')).addDev,
  },
  broker: {
    description: 'run the built-in broker: for development and tests, with nothing kept on disk',
    load: async () => (await import('./broker/command.ts')).addBroker,
  },
  worker: {
    description: 'run tasks; steer the workers that do',
    load: async () => (await import('./worker/command.ts')).addWorker,
  },
  task: {
    description: 'send tasks, read their results, say why they wait, run them here, list them, revoke them',
    load: async () => (await import('./task/command.ts')).addTask,
  },
  inspect: {
    description: 'ask the workers of the broker, Python or TypeScript',
    load: async () => (await import('./remote/command.ts')).addInspect,
  },
  control: {
    description: 'tell the workers of the broker to do something',
    load: async () => (await import('./remote/command.ts')).addControl,
  },
  status: {
    description: 'the workers that are there; 69 when there is none',
    load: async () => (await import('./remote/command.ts')).addStatus,
  },
  events: {
    description: 'what happens to workers and tasks, as it happens: a line an event',
    load: async () => (await import('./events/command.ts')).addEvents,
  },
  top: {
    description: 'workers, queues and tasks, live: keys sort, filter and revoke; off a terminal, a table every 5 s',
    load: async () => (await import('./events/command.ts')).addTop,
  },
  monitor: {
    description: 'a web page of workers, tasks, queues and schedules, live',
    load: async () => (await import('./monitor/command.ts')).addMonitor,
  },
  queue: {
    description: 'the queues of the broker, and what lies in them',
    load: async () => (await import('./queue/command.ts')).addQueue,
  },
  failed: {
    description: 'tasks that failed for good',
    load: async () => (await import('./failed/command.ts')).addFailed,
  },
  quarantine: {
    description: 'messages that could not be used',
    load: async () => (await import('./quarantine/command.ts')).addQuarantine,
  },
  schedule: {
    description: 'tasks that are sent at given times, and the worker that sends them',
    load: async () => (await import('./schedule/command.ts')).addSchedule,
  },
  doctor: {
    description: 'find what keeps a worker from working: configuration, tasks, broker, queues, other workers',
    load: async () => (await import('./doctor/command.ts')).addDoctor,
  },
  completion: {
    description: 'completion of commands, flags and their values by the TAB key: eval "$(twq completion bash)"',
    load: async () => (await import('./completion/command.ts')).addCompletion,
  },
}
