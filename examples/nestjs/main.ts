import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { AppModule } from './app.module.ts'
import { TaskWorker } from './tasks/task-worker.ts'

// NestFactory.create works as well: the worker then runs beside the controllers.
const app = await NestFactory.createApplicationContext(AppModule)
// SIGTERM and SIGINT close the application, and with it the worker, which finishes its running tasks.
app.enableShutdownHooks()
// The worker may also stop by remote control or because of an error: then there is nothing left to do.
await app
  .get(TaskWorker)
  .stopped.catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
  .finally(() => app.close())
