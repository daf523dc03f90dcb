import { defineConfig } from 'twq'

// `twq worker start` reads this file. The example has a queue of its own, so that other workers don't get its tasks.
export default defineConfig({
  tasks: ['./tasks.ts'],
  queues: ['fastify-example'],
  nodeName: 'fastify-example@%h',
})
