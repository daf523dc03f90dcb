import { defineTask } from '../../tasks/define-task.ts'

/** The tasks of `twq dev` in a folder without a configuration. */
export const sampleTasks = [
  defineTask({
    name: 'add',
    positional: ['x', 'y'],
    run: ({ x, y }: { x: number; y: number }) => x + y,
  }),
]
