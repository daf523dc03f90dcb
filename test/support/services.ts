import { randomUUID } from 'node:crypto'
import { relative } from 'node:path'
import { expect, inject } from 'vitest'
import type { CeleryRelease } from './provision/python.ts'
import { type RabbitControl, rabbitmqctl } from './provision/rabbit.ts'

/** What the setup of the live tests hands to each test file. */
export interface Services {
  /** Of the broker: `4.0.5`. */
  readonly version: string
  readonly broker:
    | { readonly kind: 'private'; readonly url: string; readonly control: RabbitControl }
    /** The one of TWQ_TEST_BROKER_URL: all files share its virtual host and run one after another. */
    | { readonly kind: 'given'; readonly url: string }
}

declare module 'vitest' {
  interface ProvidedContext {
    services: Services
    celery: CeleryRelease
  }
}

/** The release of Celery that this file runs with: those of `live-5.2` in vitest.config.ts run with each. */
export function celeryRelease(): CeleryRelease {
  return inject('celery')
}

/** The broker for this test file. Its virtual host belongs to this file alone, unless TWQ_TEST_BROKER_URL is set. */
export function brokerUrl(): string {
  const { broker } = inject('services')
  if (broker.kind === 'given') return broker.url
  const url = new URL(broker.url)
  url.pathname = `/${encodeURIComponent(vhost())}`
  return url.href
}

/** rabbitmqctl on the broker of {@link brokerUrl}: for users and permissions, in this file's virtual host `vhost()` only. */
export function ctl(...args: string[]): Promise<string> {
  const { broker } = inject('services')
  if (broker.kind === 'given') throw new Error('no rabbitmqctl for the broker of TWQ_TEST_BROKER_URL')
  return rabbitmqctl(broker.control, args)
}

/** The virtual host of this test file. */
export function vhost(): string {
  const file = expect.getState().testPath
  if (!file) throw new Error('no test file is running')
  return vhostOf(file, inject('celery'))
}

/** That of a test file: its path, `broker.amqp.connection.5.2` for test/broker/amqp/connection.live.test.ts with Celery 5.2. */
export function vhostOf(testFile: string, celery: CeleryRelease): string {
  const path = relative(`${import.meta.dirname}/..`, testFile).replace(/\.live\.test\.ts$/, '')
  return `${path.replaceAll('/', '.')}.${celery}`
}

/** A name for a queue or a task that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`
}
