import { defineConfig } from 'twq'

// What `twq worker start` reads in this folder. Everything here can be overridden by a flag or a TWQ_… variable.
export default defineConfig({
  broker: 'amqp://guest:guest@localhost:5672//', // Celery's URL habits: '//' is the virtual host '/'
  resultBackend: 'rpc://', // results go back to the sender of the task
  tasks: ['./tasks/*.ts'],
  queues: ['celery'],
  concurrency: 10,
  acks: 'late', // a message is acknowledged once its result is safe
})
