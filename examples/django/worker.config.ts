import { defineConfig } from 'twq'

// What `twq worker start` reads in this folder.
export default defineConfig({
  tasks: ['./tasks/*.ts'],
  queues: ['invoices'],
  // What a task here returns goes on to a task in Python: that one's queue is named here, as CELERY_TASK_ROUTES does in Python.
  routes: { 'orders.*': 'shop' },
  // Nobody waits for results.
  resultBackend: 'none',
  nodeName: 'django-example@%h',
})
