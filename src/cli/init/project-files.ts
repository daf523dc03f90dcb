/** The dependencies of a new project. */
export interface ProjectSettings {
  /** The project's name, as npm allows it. */
  readonly name: string
  /** The entry of twq in package.json: a version, or where its package is. */
  readonly twq: string
  /** The file in the project's folder that has this package, if one does. */
  readonly packed: string | undefined
  /** With a client in Python beside it. */
  readonly python: boolean
}

/** The files of a new project, by their paths: a task and its test, the configuration, and what it takes to ship it. */
export function projectFiles(settings: ProjectSettings): ReadonlyMap<string, string> {
  return new Map([
    ['package.json', packageJson(settings)],
    ['tsconfig.json', TSCONFIG],
    ['worker.config.ts', CONFIG],
    ['tasks/hello.ts', TASK],
    ['test/hello.test.ts', TEST],
    ['Dockerfile', dockerfile(settings)],
    ['compose.yaml', COMPOSE],
    ['.dockerignore', 'node_modules\ntest\n*.py\n'],
    ['.gitignore', 'node_modules\n__pycache__\n'],
    ...(settings.python ? ([['celery_app.py', CELERY_APP]] as const) : []),
  ])
}

function packageJson({ name, twq }: ProjectSettings): string {
  const contents = {
    name,
    private: true,
    type: 'module',
    scripts: {
      dev: 'twq dev',
      start: 'twq worker start',
      test: 'node --import tsx --test test/*.test.ts',
      typecheck: 'tsc',
    },
    dependencies: { twq },
    devDependencies: { '@types/node': '^20.19.0', tsx: '^4.23.15', typescript: '^5.9.3' },
  }
  return `${JSON.stringify(contents, undefined, 2)}\n`
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2022",
    "lib": ["es2023", "esnext.disposable"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["tasks", "test", "worker.config.ts"]
}
`

const CONFIG = `import { defineConfig } from 'twq'

// The broker is the one of CELERY_BROKER_URL or TWQ_BROKER, else amqp://guest:guest@localhost:5672//
// Everything here can be overridden by a flag or a TWQ_… variable.
export default defineConfig({
  tasks: ['./tasks/*.ts'],
  queues: ['celery'],
})
`

const TASK = `import { defineTask } from 'twq'

/** Python: app.send_task('hello', args=['world']) */
export const hello = defineTask({
  name: 'hello',
  positional: ['name'],
  run({ name }: { name: string }, ctx) {
    ctx.log.info({ name }, 'saying hello')
    return \`Hello, \${name}!\`
  },
})
`

const TEST = `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTask, startTestWorker } from 'twq/testing'
import { hello } from '../tasks/hello.ts'

test('hello greets', async () => {
  const run = await runTask(hello, { name: 'world' })
  assert.equal(run.kind === 'succeeded' && run.result, 'Hello, world!')
})

// A real worker and client with a broker in this process, whose time passes when the test says so.
test('hello comes back from a worker, at its time', async () => {
  await using scene = await startTestWorker({ tasks: [hello] })
  const handle = await scene.client.send(hello, { name: 'world' }, { countdown: '1h' })
  assert.equal(await handle.state(), 'PENDING')
  await scene.clock.pass('1h')
  assert.equal(await handle.result(), 'Hello, world!')
})
`

const dockerfile = ({ packed }: ProjectSettings): string => `FROM node:22-slim
WORKDIR /app
COPY package*.json ${packed === undefined ? '' : `${packed} `}./
RUN npm install --omit=dev
COPY worker.config.ts ./
COPY tasks tasks
# In exec form and without npm, so that SIGTERM reaches the worker itself.
CMD ["node_modules/.bin/twq", "worker", "start"]
`

const COMPOSE = `services:
  rabbitmq:
    image: rabbitmq:4-management
    ports: ['127.0.0.1:5672:5672', '127.0.0.1:15672:15672']
    volumes: ['rabbitmq:/var/lib/rabbitmq']
    # So that the data is found again by the same node.
    hostname: rabbitmq
    environment:
      RABBITMQ_DEFAULT_USER: worker
      RABBITMQ_DEFAULT_PASS: worker
    healthcheck:
      test: rabbitmq-diagnostics -q check_port_connectivity
      interval: 5s
      timeout: 10s
      retries: 20
  worker:
    build: .
    environment:
      TWQ_BROKER: amqp://worker:worker@rabbitmq:5672//
    depends_on:
      rabbitmq: { condition: service_healthy }
    # Longer than shutdown.grace and shutdown.abort together.
    stop_grace_period: 30s
    restart: unless-stopped
volumes:
  rabbitmq:
`

const CELERY_APP = `"""Sends tasks to the TypeScript worker: python3 celery_app.py"""

import os

from celery import Celery

app = Celery(
    "client",
    broker=os.environ.get("TWQ_BROKER", "amqp://guest:guest@localhost:5672//"),
    backend="rpc://",
)


def hello(name):
    """Starts the task; .get() waits for what it returns."""
    return app.send_task("hello", args=[name])


if __name__ == "__main__":
    print(hello("world").get(timeout=30))
`
