import { defineTask } from '../../tasks/define-task.ts'

/** What `twq dev` runs in a folder that has no configuration yet. */
export const sampleTasks = [
  defineTask({
    name: 'add',
    positional: ['x', 'y'],
    run: ({ x, y }: { x: number; y: number }) => x + y,
  }),
]
