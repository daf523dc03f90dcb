import { defineConfig } from 'twq'

// `twq worker start` reads this file. Flags and TWQ_… variables override everything here.
export default defineConfig({
  broker: 'amqp://guest:guest@localhost:5672//', // Celery's URL format: '//' is the virtual host '/'
  resultBackend: 'rpc://', // results are sent back to the caller
  tasks: ['./tasks/*.ts'],
  queues: ['celery'],
  concurrency: 10,
  acks: 'late', // a message is acknowledged once its result is stored
})
