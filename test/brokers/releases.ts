import type { DebianRelease } from '../support/provision/debian-folder.ts'

/** The newer RabbitMQ that the tests take place on, and the Debian that has them. */
export const BROKERS: Readonly<Record<string, DebianRelease>> = { '4.0': 'trixie', '4.3': 'forky' }
