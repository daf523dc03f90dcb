import { defineConfig } from 'twq'

// `twq worker start` reads this file.
export default defineConfig({
  tasks: ['./tasks/*.ts'],
  queues: ['invoices'],
  // The results of tasks here are passed to a Python task: its queue is set here, as CELERY_TASK_ROUTES does in Python.
  routes: { 'orders.*': 'shop' },
  // No caller reads results.
  resultBackend: 'none',
  nodeName: 'django-example@%h',
})
