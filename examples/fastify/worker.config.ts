import { defineConfig } from 'twq'

// What `twq worker start` reads in this folder. The queue is the example's own: other workers don't get its tasks.
export default defineConfig({
  tasks: ['./tasks.ts'],
  queues: ['fastify-example'],
  nodeName: 'fastify-example@%h',
})
